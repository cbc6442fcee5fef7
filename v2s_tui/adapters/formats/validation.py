"""A parsed YAML file against its pydantic model: every mistake with file, line, column, key and the fix."""

import difflib
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from v2s_tui.adapters.formats.marked_yaml import MarkedDocument, Path
from v2s_tui.domain.errors import InputError, Position

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file; fix is "" where none can be named."""

    position: Position
    title: str
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.position}: {self.title}"
        return f"{text}. {self.fix}" if self.fix else text


def validate(document: MarkedDocument, model: type[Model], *, error: type[InputError]) -> Model:
    """The document as the model; raises `error` naming the first mistake, the others in its hint."""
    try:
        return model.model_validate(document.data)
    except ValidationError as err:
        raise as_error(problems_of(err, document, model), error) from err


def problems_of(
    err: ValidationError, document: MarkedDocument, model: type[BaseModel]
) -> tuple[Problem, ...]:
    """All mistakes in the order of the file."""
    found = (_problem(details, document, model) for details in err.errors(include_url=False))
    return tuple(sorted(found, key=lambda each: (each.position.line or 0, each.position.column or 0)))


def as_error(problems: tuple[Problem, ...], error: type[InputError]) -> InputError:
    """The first problem as an exception; up to nine more are listed in the hint."""
    first, *others = problems
    more = [f"also {each}" for each in others[:9]]
    if len(others) > 9:
        more.append(f"and {len(others) - 9} more")
    return error(first.title, hint="\n".join([*filter(None, (first.fix,)), *more]), position=first.position)


def _problem(details: ErrorDetails, document: MarkedDocument, model: type[BaseModel]) -> Problem:
    path = _as_written(tuple(details["loc"]), document, model)
    position = document.position(path)
    if details["type"] == "extra_forbidden":
        return Problem(
            position, f"unknown key {str(path[-1])!r}", suggestion(str(path[-1]), keys_at(model, path[:-1]))
        )
    if details["type"] == "missing":
        return Problem(position, f"{str(path[-1])!r} is missing", f"add {path[-1]}: ...")
    return Problem(position, _wording(details), _fix(details))


def _wording(details: ErrorDetails) -> str:
    text = details["msg"].removeprefix("Value error, ")
    value = details.get("input")
    shown = isinstance(value, str | int | float | bool) and details["type"] != "value_error"
    return f"{value!r}: {_lower_first(text)}" if shown else _lower_first(text)


def _fix(details: ErrorDetails) -> str:
    value, context = details.get("input"), details.get("ctx") or {}
    if details["type"] in {"enum", "literal_error"} and isinstance(value, str):
        allowed = [
            each.strip(" '") for each in str(context.get("expected", "")).replace(" or ", ",").split(",")
        ]
        return suggestion(value, allowed)
    if details["type"] == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    return ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean 'zone'?`, or the list of what is known when nothing is near."""
    names = sorted(set(known))
    longer = [each for each in names if len(word) > 2 and each.startswith(word.lower())]
    near = longer or difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(names)}" if names else ""


def keys_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Keys that the mapping at this path may have."""
    return tuple(sorted({key for each in _models_at(model, path) for key in accepted_keys(each)}))


def accepted_keys(model: type[BaseModel]) -> Iterator[str]:
    """Every name under which the model reads a field."""
    for name, info in model.model_fields.items():
        if info.exclude:
            continue
        yield from _aliases(info) or (name,)


def _aliases(info: FieldInfo) -> tuple[str, ...]:
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(each) for each in alias.choices)
    return (str(alias),) if alias else ()


def _as_written(path: Path, document: MarkedDocument, model: type[BaseModel]) -> Path:
    """The path with the alias that the file uses, where pydantic names a field by another one."""
    if not path or path in document.marks:
        return path
    for parent in _models_at(model, path[:-1]):
        for name, info in parent.model_fields.items():
            names = {name, *_aliases(info)}
            written = [each for each in names if (*path[:-1], each) in document.marks]
            if path[-1] in names and written:
                return (*path[:-1], written[0])
    return path


def _models_at(model: type[BaseModel], path: Path) -> Iterator[type[BaseModel]]:
    if not path:
        yield model
        return
    if isinstance(path[0], int):
        yield from _models_at(model, path[1:])
        return
    for name, info in model.model_fields.items():
        if path[0] in {name, *_aliases(info)}:
            for each in _models_in(info.annotation):
                yield from _models_at(each, path[1:])


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    arguments = typing.get_args(annotation)
    for argument in arguments:
        yield from _models_in(argument)
    if not arguments and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
