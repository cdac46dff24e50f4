"""Rows of the right list: repositories and their tags, as a tree or flat, rebuilt only when something changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.digest import Digest
from ocistore_tui.model.listing import RepositoryRow, RepositorySummary, TagRow
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.rows.compare import Comparison
from ocistore_tui.tui.rows.filter import Filter
from ocistore_tui.tui.rows.marks import Marks
from ocistore_tui.tui.rows.order import Order, arrange, natural
from ocistore_tui.tui.rows.paint import Painter
from ocistore_tui.tui.rows.row import Row
from ocistore_tui.tui.rows.unique import Sharing

Key = tuple[str, str | None]
"""Repository and tag; None: the repository itself; an empty tag: the line that says its tags are being listed."""


@dataclass(slots=True)
class Node:
    """One repository."""

    name: str
    is_valid: bool
    lower: str
    tags: dict[str, TagRow] = field(default_factory=dict)
    """Tags of images."""
    attached: dict[Digest, list[TagRow]] = field(default_factory=dict)
    """Tags that belong to another image, by its digest."""
    summary: RepositorySummary | None = None
    failure: OciStoreError | None = None
    is_open: bool = False
    is_listed: bool = False
    """Whether all its tags are known by name."""
    first_names: dict[Digest, str] | None = None
    """Of digests that several tags name: the tag people mean; None: to be found anew."""

    @property
    def pushed(self) -> float | None:
        """When a tag was last moved."""
        known = max((row.pushed for row in self.tags.values() if row.pushed is not None), default=None)
        return known if known is not None else self.summary.pushed if self.summary else None

    @property
    def tag_count(self) -> int | None:
        """Tags of images; None: not known."""
        if self.is_listed:
            return len(self.tags)
        return self.summary.tags if self.summary else None


class BucketRows:
    """A source for the list.

    Args:
        comparison: Tells how a tag stands to the local side.
        glyphs: The terminal's signs.
        clock: Seconds since 1970.
    """

    def __init__(self, comparison: Comparison, glyphs: Glyphs, clock: Callable[[], float]) -> None:
        self.nodes: dict[str, Node] = {}
        self.marks: Marks[Key] = Marks()
        self.filter = Filter("")
        self.order = Order("pushed")
        self.is_flat = False
        self.shows_hidden = False
        self.is_whole = False
        """Whether all repositories are known."""
        self.is_complete = False
        """Whether every tag of the store is described."""
        self._keys: list[Key] = []
        self._index: dict[Hashable, int] | None = None
        self._is_dirty = False
        self._sharing: Sharing | None = None
        self.painter = Painter(self, comparison, glyphs, clock)

    # what is learnt

    def add_repositories(self, rows: Iterable[RepositoryRow]) -> None:
        """Repositories that were found; known ones stay as they are."""
        for row in rows:
            if row.name not in self.nodes:
                self.nodes[row.name] = Node(row.name, row.is_valid, row.name.lower())
                self._is_dirty = True

    def keep_only(self, names: set[str]) -> None:
        """All repositories are known now: forget the others."""
        for name in self.nodes.keys() - names:
            del self.nodes[name]
            self.marks.remove([key for key in self.marks.listed() if key[0] == name])
            self._is_dirty = True

    def set_summary(self, summary: RepositorySummary) -> None:
        """What a look at a repository told."""
        node = self.nodes.get(summary.name)
        if node is not None:
            node.summary = summary
            self._is_dirty = self._is_dirty or self.order.by == "pushed"

    def set_failure(self, repository: str, error: OciStoreError) -> None:
        """The repository's tags cannot be listed."""
        node = self.nodes.get(repository)
        if node is not None:
            node.failure, node.is_listed = error, True
            self._is_dirty = True

    def add_stubs(self, repository: str, rows: Sequence[TagRow], *, is_whole: bool) -> None:
        """Tags that were listed; what is known of them already stays.

        Args:
            repository: Whose they are.
            rows: The tags.
            is_whole: Whether these are all: others are gone.
        """
        node = self.nodes.get(repository)
        if node is None:
            return
        node.failure = node.first_names = None
        if is_whole:
            names = {row.name for row in rows}
            gone = node.tags.keys() - names
            for name in gone:
                del node.tags[name]
            self.marks.remove([(repository, name) for name in gone])
            node.is_listed = True
            node.attached = {}
        for row in rows:
            if row.subject is not None:
                attached = node.attached.setdefault(row.subject, [])
                attached[:] = [other for other in attached if other.name != row.name] + [row]
            elif (known := node.tags.get(row.name)) is None or row.is_described or known.pushed != row.pushed:
                node.tags[row.name] = row
        self._is_dirty = True
        self._sharing = None

    def set_tag(self, repository: str, row: TagRow) -> None:
        """All there is to know of one tag."""
        node = self.nodes.get(repository)
        if node is None:
            return
        self._sharing = node.first_names = None
        if row.subject is not None:
            attached = node.attached.setdefault(row.subject, [])
            attached[:] = [other for other in attached if other.name != row.name] + [row]
            return
        is_new = row.name not in node.tags
        if row.is_gone and not (row.name in node.tags and node.tags[row.name].pushed is None):
            self._is_dirty = node.tags.pop(row.name, None) is not None or self._is_dirty
            return
        node.tags[row.name] = row
        if is_new or self.filter.needs_facts or self.order.by in ("size", "unique"):
            self._is_dirty = True

    # folding, order, filter

    def unfolded(self) -> list[str]:
        """Repositories whose tags are shown."""
        return [node.name for node in self.nodes.values() if node.is_open]

    def fold(self, repository: str, *, is_open: bool) -> None:
        """Hide or show the tags of a repository."""
        node = self.nodes.get(repository)
        if node is not None and node.is_open != is_open:
            node.is_open = is_open
            self._is_dirty = True

    def rebuild(self) -> None:
        """Something else changed: filter, order, marks that the filter asks for."""
        self._is_dirty = True

    def _refresh(self) -> None:
        if not self._is_dirty:
            return
        self._is_dirty, self._index = False, None
        keys: list[Key] = []
        if self.is_flat:
            pairs = [(node, row) for node in self.nodes.values() for row in self._matching(node)]
            ordered = arrange(
                pairs,
                self.order,
                lambda pair: (natural(pair[0].name), natural(pair[1].name)),
                lambda pair: self._value(pair[1]),
            )
            self._keys = [(node.name, row.name) for node, row in ordered]
            return
        for node in self._ordered_nodes():
            rows = self._matching(node) if node.is_open or self.filter else []
            if self.filter and not rows and not self.filter.matches(node.lower):
                continue
            keys.append((node.name, None))
            if not (node.is_open or (self.filter and rows and not self.filter.matches(node.lower))):
                continue
            for row in arrange(rows, self.order, lambda row: natural(row.name), self._value):
                keys.append((node.name, row.name))
                if self.shows_hidden and row.digest is not None:
                    keys += [(node.name, attached.name) for attached in node.attached.get(row.digest, ())]
            if not node.is_listed:
                keys.append((node.name, ""))
        self._keys = keys

    def _ordered_nodes(self) -> list[Node]:
        order = self.order
        nodes = list(self.nodes.values())
        if not self.is_sorted_by_facts:
            return arrange(
                nodes,
                Order("name", order.reverse and order.by == "name"),
                lambda node: natural(node.name),
                lambda _: None,
            )
        value: dict[str, Callable[[Node], float | None]] = {
            "pushed": lambda node: node.pushed, "size": lambda node: self.painter.size_of(node)[0],
            "unique": lambda node: self.painter.size_of(node)[0],
        }  # fmt: skip
        return arrange(nodes, order, lambda node: natural(node.name), value[order.by])

    @property
    def is_sorted_by_facts(self) -> bool:
        """Whether repositories go by anything but their name: only when all of them were looked at."""
        if self.order.by == "name" or not self.is_whole:
            return False
        return all(node.summary is not None or node.is_listed for node in self.nodes.values())

    def _matching(self, node: Node) -> list[TagRow]:
        if not self.filter:
            return list(node.tags.values())
        prefix = node.lower + ":"
        return [
            row
            for row in node.tags.values()
            if self.filter.matches(prefix + row.name.lower(), lambda row=row: self.painter.facts(node, row))  # type: ignore[misc]
        ]

    def _value(self, row: TagRow) -> float | None:
        if self.order.by == "pushed":
            return row.pushed
        if self.order.by == "unique":
            return self.sharing.unique_bytes(row.digest) if self.is_complete and row.digest else None
        return row.size_bytes

    @property
    def sharing(self) -> Sharing:
        """Who shares what, over everything that is described."""
        if self._sharing is None:
            self._sharing = Sharing(
                row
                for node in self.nodes.values()
                for rows in (node.tags.values(), *node.attached.values())
                for row in rows
            )
        return self._sharing

    # the source

    def __len__(self) -> int:
        self._refresh()
        return len(self._keys)

    def key(self, index: int) -> Key:
        """Repository and tag of a line."""
        self._refresh()
        return self._keys[index]

    def row(self, index: int) -> Row:
        """What a line shows."""
        repository, tag = self.key(index)
        return self.painter.paint(self.nodes[repository], tag)

    def index(self, key: Hashable) -> int | None:
        """Where a line is; a folded tag's place is its repository's."""
        self._refresh()
        if self._index is None:
            self._index = {key: index for index, key in enumerate(self._keys)}
        found = self._index.get(key)
        if found is None and isinstance(key, tuple) and key[1] is not None:
            return self._index.get((key[0], None))
        return found

    # what commands are about

    def tag(self, key: Hashable) -> TagRow | None:
        """The tag of a line; None for a repository."""
        if not isinstance(key, tuple) or not key[1]:
            return None
        node = self.nodes.get(key[0])
        if node is None:
            return None
        found = node.tags.get(key[1])
        if found is not None:
            return found
        return next((row for rows in node.attached.values() for row in rows if row.name == key[1]), None)

    def is_marked(self, key: Key) -> bool:
        """Whether a line is marked, by itself or with its repository."""
        return key in self.marks or (bool(key[1]) and (key[0], None) in self.marks)

    def chosen(self, cursor: Hashable) -> list[Key]:
        """Tags a command is about: the marks, or the cursor's row; a repository stands for its known tags."""
        keys: Sequence[Hashable] = self.marks.listed() or [cursor]
        found: dict[Key, None] = {}
        for key in keys:
            if not isinstance(key, tuple) or key[0] not in self.nodes:
                continue
            names = [key[1]] if key[1] else list(self.nodes[key[0]].tags)
            found.update({(key[0], name): None for name in names})
        return list(found)

    def unlisted(self, cursor: Hashable) -> list[str]:
        """Repositories among what was chosen whose tags are not known yet."""
        keys: Sequence[Hashable] = self.marks.listed() or [cursor]
        nodes = [self.nodes.get(key[0]) for key in keys if isinstance(key, tuple) and key[1] is None]
        return [node.name for node in nodes if node is not None and not node.is_listed]

    @property
    def hidden_marks(self) -> int:
        """Marked lines that filter or folding hides."""
        return (
            sum(key not in (self._index or {}) for key in self.marks.listed()) if self.index(("", None)) is None else 0
        )

    def shown_tags(self) -> list[Key]:
        """Tags on the list, for marking by range, pattern or inversion."""
        self._refresh()
        return [key for key in self._keys if key[1]]

    def slice(self, rows: range) -> list[Key]:
        """Keys of these lines."""
        self._refresh()
        return self._keys[rows.start : rows.stop]

    def shown_keys(self) -> list[Key]:
        """What can be marked among the lines of the list."""
        return self.shown_tags()

    def name(self, key: Key) -> str:
        """A line's name, for marking by pattern."""
        return f"{key[0]}:{key[1]}" if key[1] else key[0]
