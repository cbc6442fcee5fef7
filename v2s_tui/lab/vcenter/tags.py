"""Tags and their categories, and what they are attached to: the model behind /api and /rest."""

import uuid
from dataclasses import dataclass, field

from v2s_tui.lab.vcenter.world import World


@dataclass(slots=True)
class Category:
    """A category of tags."""

    id: str
    name: str
    description: str = ""
    cardinality: str = "MULTIPLE"


@dataclass(slots=True)
class Tag:
    """A tag. attached: managed object ids with their types, in order of attachment."""

    id: str
    name: str
    category_id: str
    description: str = ""
    attached: dict[str, str] = field(default_factory=dict)


class Tags:
    """All tags; hold the world's lock to use it."""

    def __init__(self, world: World) -> None:
        self.categories: dict[str, Category] = {}
        self.tags: dict[str, Tag] = {}
        self._attach_scenario(world)

    def _attach_scenario(self, world: World) -> None:
        category = self.add_category(world.scenario.tag_category)
        by_name: dict[str, Tag] = {}
        for vm in world.vms():
            for name in vm.spec.tags:
                tag = by_name.get(name) or self.add_tag(name, category.id)
                by_name[name] = tag
                tag.attached[vm.moid] = "VirtualMachine"

    def add_category(self, name: str, description: str = "", cardinality: str = "MULTIPLE") -> Category:
        """Make a category. Raises ValueError where the name is taken."""
        if any(category.name == name for category in self.categories.values()):
            raise ValueError(f"category {name} exists")
        category = Category(_urn("Category", name), name, description, cardinality)
        self.categories[category.id] = category
        return category

    def add_tag(self, name: str, category_id: str, description: str = "") -> Tag:
        """Make a tag. Raises KeyError for an unknown category, ValueError where the name is taken in it."""
        category = self.categories[category_id]
        if any(tag.name == name and tag.category_id == category_id for tag in self.tags.values()):
            raise ValueError(f"tag {name} exists in {category.name}")
        tag = Tag(_urn("Tag", f"{category.name}/{name}"), name, category_id, description)
        self.tags[tag.id] = tag
        return tag

    def of(self, moid: str) -> list[Tag]:
        """Tags attached to an object."""
        return [tag for tag in self.tags.values() if moid in tag.attached]


def _urn(kind: str, name: str) -> str:
    """An id as vCenter makes it; from the name, so that the lab's ids are the same on every start."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"v2s-lab:{kind}:{name}")
    return f"urn:vmomi:InventoryService{kind}:{identity}:GLOBAL"
