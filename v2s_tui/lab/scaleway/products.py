"""What is sold: instance/v1 products, the public product catalogue, the marketplace, the dashboard."""

from collections import Counter
from typing import Any

from v2s_tui.lab.scaleway.answers import Answer, not_found
from v2s_tui.lab.scaleway.catalogue import InstanceType
from v2s_tui.lab.scaleway.listing import page_of, paging_headers
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.volumes import zone_of
from v2s_tui.lab.scaleway.world import World

_BLOCK_PRICES = {"sbs_5k": 0.000118, "sbs_15k": 0.000177}


def availability(world: World, kind: InstanceType, zone: str) -> str:
    """available | scarce | shortage: as set for this lab, else as the catalogue says."""
    return world.account.stock.get(f"{zone}/{kind.name}", kind.availability.get(zone, "available"))


def list_server_types(call: Call) -> Answer:
    """GET products/servers: a page of name -> row, 50 unless asked for up to 100 (scaleway.md 1.3)."""
    return _types_page(call, lambda kind, zone: kind.row(zone))


def list_availability(call: Call) -> Answer:
    """GET products/servers/availability, paged the same way."""
    return _types_page(call, lambda kind, zone: {"availability": availability(call.world, kind, zone)})


def _types_page(call: Call, row: Any) -> Answer:
    zone = zone_of(call)
    types = sorted(call.world.catalogue.sold_in(zone), key=lambda kind: kind.name)
    page, number, size = page_of(call, types, size_name="per_page")
    headers = paging_headers(call, total=len(types), page=number, size=size)
    return Answer(200, {"servers": {kind.name: row(kind, zone) for kind in page}}, headers)


def list_catalogue(call: Call) -> Answer:
    """GET public-catalog/products; product_types, zone: filters."""
    wanted = set(call.query.get("product_types", [])) or {"instance", "block_storage"}
    zones = [call.one("zone")] if call.one("zone") else call.world.catalogue.zones()
    rows: list[dict[str, Any]] = []
    for zone in zones:
        if "instance" in wanted:
            rows += [_instance_product(kind, zone) for kind in call.world.catalogue.sold_in(zone)]
        if "block_storage" in wanted:
            rows += [_block_product(name, euros, zone) for name, euros in _BLOCK_PRICES.items()]
    page, _, _ = page_of(call, rows, size_name="page_size")
    return Answer(200, {"products": page, "total_count": len(rows)})


def _instance_product(kind: InstanceType, zone: str) -> dict[str, Any]:
    """CPU types are priced by the hour, GPU types by the minute (scaleway.md 1.8)."""
    hourly = kind.prices_eur_hour[zone]
    return _product(
        sku=f"/compute/{kind.name.lower().replace('-', '_')}/run_{zone}",
        product=kind.name,
        zone=zone,
        euros=hourly / 60 if kind.gpu else hourly,
        unit="minute" if kind.gpu else "hour",
        status="retired" if kind.end_of_service else "general_availability",
        properties={
            "hardware": {
                "cpu": {
                    "description": f"{kind.vcpu} vCPUs", "arch": "arm64" if kind.arch == "arm64" else "x64",
                    "type": "", "threads": kind.vcpu, "shared": kind.shared_cpu,
                    "virtual": {"count": kind.vcpu},
                },
                "ram": {"description": "", "size": kind.ram_bytes, "type": ""},
            },
            "instance": {"range": "", "offer_id": kind.name, "recommended_replacement_offer_ids": []},
        },
    )  # fmt: skip


def _block_product(name: str, euros: float, zone: str) -> dict[str, Any]:
    return _product(
        sku=f"/storage/block/{name}/{zone}", product=name, zone=zone, euros=euros, unit="hour",
        status="general_availability", properties={"block_storage": {"min_volume_size": 10**9}},
    )  # fmt: skip


def _product(
    *, sku: str, product: str, zone: str, euros: float, unit: str, status: str, properties: dict[str, Any]
) -> dict[str, Any]:
    price = {"currency_code": "EUR", "units": int(euros), "nanos": round((euros - int(euros)) * 10**9)}
    category = "Instance" if "instance" in properties else "Block Storage"
    return {
        "sku": sku,
        "service_category": "Compute" if category == "Instance" else "Storage",
        "product_category": category,
        "product": product,
        "variant": product,
        "description": product,
        "locality": {"zone": zone},
        "price": {"retail_price": price},
        "properties": properties,
        "unit_of_measure": {"unit": unit, "size": 1},
        "status": status,
        "badges": [],
        "end_of_life_at": None,
    }


def list_local_images(call: Call) -> Answer:
    """GET marketplace local images: the lab sells none."""
    page, _, _ = page_of(call, [], size_name="page_size")
    return Answer(200, {"local_images": page, "total_count": 0})


def get_local_image(call: Call) -> Answer:
    """GET one: there is none."""
    raise not_found("local_image", call.params["image_id"])


def dashboard(call: Call) -> Answer:
    """GET how many of everything there are in the zone."""
    zone, store = zone_of(call), call.world.store
    servers = store.all("server", place=zone)
    ips = [each for each in store.all("ip", place=zone) if not each["_dynamic"]]
    counts = {
        "volumes_count": len(store.all("volume", place=zone)),
        "running_servers_count": sum(each["state"] == "running" for each in servers),
        "servers_by_types": dict(Counter(each["commercial_type"] for each in servers)),
        "images_count": len(store.all("image", place=zone)),
        "snapshots_count": 0,
        "servers_count": len(servers),
        "ips_count": len(ips),
        "ips_unused": sum(not each["_server"] for each in ips),
        "security_groups_count": len(store.all("security_group", place=zone)),
        "private_nics_count": len(store.all("private_nic", place=zone)),
        "placement_groups_count": len(store.all("placement_group", place=zone)),
        "volumes_l_ssd_count": 0,
        "volumes_l_ssd_total_size": 0,
        "volumes_scratch_count": 0,
    }
    return Answer(200, {"dashboard": counts})


def list_local_volumes(call: Call) -> Answer:
    """GET instance/v1 volumes: the lab has block volumes only, which are not listed here."""
    zone_of(call)
    return Answer(200, {"volumes": []}, {"X-Total-Count": "0"})


def list_local_snapshots(call: Call) -> Answer:
    """GET instance/v1 snapshots: none, for the same reason."""
    zone_of(call)
    return Answer(200, {"snapshots": []}, {"X-Total-Count": "0"})


_BASE = "/instance/v1/zones/{zone}"
ROUTES = (
    Route("GET", f"{_BASE}/products/servers", list_server_types),
    Route("GET", f"{_BASE}/products/servers/availability", list_availability),
    Route("GET", f"{_BASE}/dashboard", dashboard),
    Route("GET", f"{_BASE}/volumes", list_local_volumes),
    Route("GET", f"{_BASE}/snapshots", list_local_snapshots),
    Route("GET", "/product-catalog/v2alpha1/public-catalog/products", list_catalogue),
    Route("GET", "/marketplace/v2/local-images", list_local_images),
    Route("GET", "/marketplace/v2/local-images/{image_id}", get_local_image),
)
