"""The SOAP envelope: requests into method calls, results and faults into answers, by pyVmomi's own
(de)serialiser.

Parameters are read in their place, so that whatever prefixes and namespaces a client uses keep their meaning.
"""

from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl

VERSION = "vim.version.v8_0_3_0"
API_VERSION = "8.0.3.0"
NAMESPACE = "urn:vim25"
_ENVELOPE_NS = SoapAdapter.XMLNS_SOAPENV
_PREFIXES = {
    _ENVELOPE_NS: "soapenv",
    SoapAdapter.XMLNS_XSI: "xsi",
    SoapAdapter.XMLNS_XSD: "xsd",
    NAMESPACE: "",
}
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE_NS}" xmlns:xsd="{SoapAdapter.XMLNS_XSD}" '
    f'xmlns:xsi="{SoapAdapter.XMLNS_XSI}"><soapenv:Body>'
)
_TAIL = "</soapenv:Body></soapenv:Envelope>"


class MalformedRequestError(ValueError):
    """The body is no SOAP request for a method this API has."""


@dataclass(slots=True)
class Request:
    """A method call as it came in. this: reference of the object it is called on."""

    method: str
    this: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)


class RawXml(str):
    """An answer that is XML already."""

    __slots__ = ()


def parse_request(body: bytes) -> Request:
    """Read one request. Raises MalformedRequestError, or vSphere's MethodNotFound."""
    reader = _RequestReader()
    try:
        reader.parser.Parse(body, True)
    except (ExpatError, KeyError, AttributeError, TypeError, ValueError) as err:
        raise MalformedRequestError(f"cannot read the request: {err}") from err
    if reader.request is None or reader.request.this is None:
        raise MalformedRequestError("the request names no method or no object")
    return reader.request


class _RequestReader(SoapAdapter.ExpatDeserializerNSHandlers):  # type: ignore[misc]  # pyVmomi has no types
    """Hands each child of the method element to pyVmomi's deserialiser, with the type the method declares."""

    def __init__(self) -> None:
        super().__init__()
        self.request: Request | None = None
        self.depth = 0
        self.method_depth = 0
        self.in_body = False
        self.types: dict[str, Any] = {}
        self.pending: tuple[str, bool, Any] | None = None
        self.parser = ParserCreate(namespace_separator=SoapAdapter.NS_SEP)
        self.parser.buffer_text = True
        SoapAdapter.SetHandlers(self.parser, SoapAdapter.GetHandlers(self))

    def StartElementHandler(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: N802  # pyVmomi's name
        self._collect()
        _, _, name = tag.rpartition(SoapAdapter.NS_SEP)
        if self.request is not None:
            self._read_parameter(name, tag, attributes)
        elif self.in_body:
            self.request = Request(name)
            self.types = parameter_types(name)
        elif name == "Body":
            self.in_body = True

    def EndElementHandler(self, _tag: str) -> None:  # noqa: N802  # pyVmomi's name
        self._collect()

    def CharacterDataHandler(self, data: str) -> None:  # noqa: N802  # pyVmomi's name
        """Text between elements means nothing."""

    def _read_parameter(self, name: str, tag: str, attributes: dict[str, str]) -> None:
        declared = self.types[name]
        is_array = issubclass(declared, list)
        deserializer = SoapAdapter.SoapDeserializer()
        deserializer.Deserialize(self.parser, declared.Item if is_array else declared, False, self.nsMap)
        self.pending = (name, is_array, deserializer)
        deserializer.StartElementHandler(tag, attributes)

    def _collect(self) -> None:
        """Take over the parameter that ended before this event."""
        if self.pending is None or self.request is None:
            return
        name, is_array, deserializer = self.pending
        self.pending = None
        value = deserializer.GetResult()
        if name == "_this":
            self.request.this = value
        elif is_array:
            self.request.arguments.setdefault(name, []).append(value)
        else:
            self.request.arguments[name] = value


def parameter_types(method: str) -> dict[str, Any]:
    """Wire name to type of each parameter, with the object itself as `_this`."""
    types = {"_this": VmomiSupport.ManagedObject}
    if method == "Fetch":  # the one method that no WSDL lists
        return types | {"prop": str}
    info = _method_info(method)
    return types | {parameter.name: parameter.type for parameter in info.params}


def _method_info(method: str) -> Any:
    try:
        return VmomiSupport.GetWsdlMethod(NAMESPACE, method).info
    except KeyError as err:
        raise MalformedRequestError(f"unknown method {method}") from err


def serialize(value: Any, *, name: str, declared: Any = object, optional: bool = False) -> str:
    """One value as an element of that name; typed by xsi:type where `declared` does not say it."""
    flags = VmomiSupport.F_OPTIONAL if optional else 0
    info = VmomiSupport.Object(name=name, type=declared, version=VERSION, flags=flags)
    writer = StringIO()
    serializer = SoapAdapter.SoapSerializer(writer, VERSION, _PREFIXES)
    serializer.outermostAttrs = ""  # the envelope declares the prefixes once for all
    serializer.defaultNS = NAMESPACE
    serializer.Serialize(value, info)
    return writer.getvalue()


def answer(method: str, result: Any) -> bytes:
    """The envelope around a result; None is an empty answer."""
    if isinstance(result, RawXml):
        content = str(result)
    elif result is None:
        content = ""
    else:
        content = serialize(result, name="returnval", declared=_result_type(method), optional=True)
    return f'{_HEAD}<{method}Response xmlns="{NAMESPACE}">{content}</{method}Response>{_TAIL}'.encode()


def fault_answer(fault: Any) -> bytes:
    """The envelope around a fault, in the exact form that pyVmomi takes for the fault it names."""
    message = fault.msg or type(fault).__name__.rpartition(".")[2]
    name = VmomiSupport.GetWsdlName(type(fault))
    bare = type(fault)(**{prop.name: getattr(fault, prop.name) for prop in fault._GetPropertyList()})
    bare.msg = None
    writer = StringIO()
    serializer = SoapAdapter.SoapSerializer(writer, VERSION, _PREFIXES)
    serializer.outermostAttrs = ""
    serializer.defaultNS = NAMESPACE
    info = VmomiSupport.Object(name=f"{name}Fault", type=object, version=VERSION, flags=0)
    serializer._SerializeDataObject(bare, info, f' xmlns="{NAMESPACE}"', NAMESPACE)
    return (
        f"{_HEAD}<soapenv:Fault><faultcode>ServerFaultCode</faultcode>"
        f"<faultstring>{escape(message)}</faultstring>"
        f"<detail>{writer.getvalue()}</detail></soapenv:Fault>{_TAIL}"
    ).encode()


def _result_type(method: str) -> Any:
    """What the method returns on the wire: a task method returns its task, not what the task will yield."""
    if method == "Fetch":
        return object
    return vim.Task if method.endswith("_Task") else _method_info(method).methodResult


def system_error(reason: str) -> Any:
    """What vCenter answers when something broke inside."""
    return vmodl.fault.SystemError(reason=reason, msg=f"A general system error occurred: {reason}")
