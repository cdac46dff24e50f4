"""Rows of the right list: repositories and their tags, as a tree or flat, rebuilt only when something changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter

from ocistore_tui.errors import OciStoreError
from ocistore_tui.model.listing import RepositoryRow, RepositorySummary, TagRow
from ocistore_tui.tui.glyphs import Glyphs
from ocistore_tui.tui.rows.compare import Comparison
from ocistore_tui.tui.rows.facts import TagFacts
from ocistore_tui.tui.rows.filter import Filter
from ocistore_tui.tui.rows.marks import Key as Key
from ocistore_tui.tui.rows.marks import TagMarks
from ocistore_tui.tui.rows.node import Node
from ocistore_tui.tui.rows.order import Order, arrange, natural, uncollected
from ocistore_tui.tui.rows.paint import Painter
from ocistore_tui.tui.rows.row import Row
from ocistore_tui.tui.rows.unique import Sharing


class BucketRows:
    """A source for the list.

    Args:
        comparison: Tells how a tag stands to the local side.
        glyphs: The terminal's signs.
        clock: Seconds since 1970.
    """

    def __init__(self, comparison: Comparison, glyphs: Glyphs, clock: Callable[[], float]) -> None:
        self.nodes: dict[str, Node] = {}
        self.marks = TagMarks(lambda repository: self.nodes[repository].tags if repository in self.nodes else ())
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
        self.comparison = comparison
        self._clock = clock
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
        gone = self.nodes.keys() - names
        for name in gone:
            del self.nodes[name]
            self.marks.forget(name)
        if gone:
            self._is_dirty, self._sharing = True, None

    def set_summary(self, summary: RepositorySummary) -> None:
        """What a look at a repository told."""
        node = self.nodes.get(summary.name)
        if node is not None:
            node.summary = summary
            self._is_dirty = self._is_dirty or self.order.by != "name"

    def set_failure(self, repository: str, error: OciStoreError) -> None:
        """The repository's tags cannot be listed."""
        node = self.nodes.get(repository)
        if node is not None:
            node.failure, node.is_listed = error, True
            self._is_dirty = True

    def add_stubs(self, repository: str, rows: Iterable[TagRow], *, is_whole: bool) -> None:
        """Tags that were listed; what is known of them already stays.

        Args:
            repository: Whose they are.
            rows: The tags.
            is_whole: Whether these are all: others are gone.
        """
        node = self.nodes.get(repository)
        if node is None:
            return
        gone = node.take(rows, is_whole=is_whole)
        self.marks.drop((repository, name) for name in gone)
        self._is_dirty, self._sharing = True, None

    def set_tag(self, repository: str, row: TagRow) -> None:
        """All there is to know of one tag."""
        node = self.nodes.get(repository)
        if node is None:
            return
        self._sharing = None
        known = node.tags.get(row.name)
        if row.is_gone and not (known is not None and known.pushed is None):
            if known is not None:
                node.drop(row.name)
                self.marks.drop([(repository, row.name)])
                self._is_dirty = True
            return
        is_new = node.put(row)
        moved = known is not None and known.pushed != row.pushed and self.order.by == "pushed"
        if is_new or moved or self.filter.needs_facts or self.order.by in ("size", "unique") or self.shows_hidden:
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
        if self._is_dirty:
            self._is_dirty, self._index = False, None
            with uncollected():
                self._keys = self._flat_keys() if self.is_flat else self._tree_keys()

    def _tree_keys(self) -> list[Key]:
        keys: list[Key] = []
        is_filtered = bool(self.filter)
        for node in self._ordered_nodes():
            name = node.name
            # Fields ask for facts, and only tags have them.
            by_name = is_filtered and not self.filter.needs_facts and self.filter.matches(node.lower)
            rows = self._matching(node) if node.is_open or is_filtered else []
            if is_filtered and not rows and not by_name:
                continue
            keys.append((name, None))
            if not node.is_open and (by_name or not is_filtered):
                continue
            keys += self._tag_keys(node, self._arranged(rows))
            if not node.is_listed:
                keys.append((name, ""))
        return keys

    def _tag_keys(self, node: Node, rows: Sequence[TagRow]) -> Iterable[Key]:
        name = node.name
        if not self.shows_hidden or not node.attached:
            return [(name, row.name) for row in rows]
        names: dict[str, None] = {}
        for row in rows:
            names[row.name] = None
            names.update(dict.fromkeys(attached.name for attached in node.attached_to(row)))
        if not self.filter:
            names.update(dict.fromkeys(row.name for row in node.left_over(names)))
        return [(name, tag) for tag in names]

    def _flat_keys(self) -> list[Key]:
        by_node = [(node, rows) for node in self.nodes.values() if (rows := self._matching(node))]
        if self.order.by == "name":
            by_node.sort(key=lambda pair: natural(pair[0].name), reverse=self.order.reverse)
            return [key for node, rows in by_node for key in self._tag_keys(node, self._arranged(rows))]
        value = self._value
        known: list[tuple[Node, TagRow]] = []
        unknown: list[tuple[Node, list[TagRow]]] = []
        for node, rows in by_node:
            blank = [row for row in rows if value(row) is None]
            known += [(node, row) for row in rows if not blank or value(row) is not None]
            unknown.append((node, blank))
        ordered = arrange(known, self.order, lambda _: "", lambda pair: value(pair[1]))
        # What is not known goes last by name: repositories first, as they are few.
        for node, rows in sorted(unknown, key=lambda pair: natural(pair[0].name)):
            ordered += [(node, row) for row in sorted(rows, key=lambda row: natural(row.name))]
        if not self.shows_hidden:
            return [(node.name, row.name) for node, row in ordered]
        return [key for node, row in ordered for key in self._tag_keys(node, [row])]

    def _arranged(self, rows: list[TagRow]) -> list[TagRow]:
        return arrange(rows, self.order, lambda row: natural(row.name), self._value)

    def _ordered_nodes(self) -> list[Node]:
        order, nodes = self.order, list(self.nodes.values())
        value: Callable[[Node], float | None]
        if not self.is_sorted_by_facts:
            order, value = Order("name", order.reverse and order.by == "name"), _nothing
        else:
            value = _pushed if order.by == "pushed" else _size
        return arrange(nodes, order, lambda node: natural(node.name), value)

    @property
    def is_sorted_by_facts(self) -> bool:
        """Whether repositories go by anything but their name: only when all of them were looked at."""
        if self.order.by == "name" or not self.is_whole:
            return False
        return all(node.summary is not None or node.is_listed for node in self.nodes.values())

    def _matching(self, node: Node) -> list[TagRow]:
        if not self.filter:
            return list(node.tags.values())
        prefix, matches = node.lower + ":", self.filter.matches
        if not self.filter.needs_facts:
            return [row for row in node.tags.values() if matches(prefix + row.name.lower())]
        now = self._clock()
        return [row for row in node.tags.values() if matches(prefix + row.name.lower(), TagFacts(self, node, row, now))]

    @property
    def _value(self) -> Callable[[TagRow], float | None]:
        if self.order.by == "unique":
            return self._unique
        return _pushed if self.order.by == "pushed" else _size

    def _unique(self, row: TagRow) -> float | None:
        return self.sharing.unique_bytes(row.digest) if self.is_complete and row.digest else None

    @property
    def sharing(self) -> Sharing:
        """Who shares what, over everything that is described."""
        if self._sharing is None:
            self._sharing = Sharing(
                row for node in self.nodes.values() for row in (*node.tags.values(), *node.attachments())
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
        found = self._places.get(key)
        if found is None and isinstance(key, tuple) and key[1] is not None:
            return self._places.get((key[0], None))
        return found

    @property
    def _places(self) -> dict[Hashable, int]:
        if self._index is None:
            self._index = dict(zip(self._keys, range(len(self._keys)), strict=True))
        return self._index

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
        return next((row for row in node.attachments() if row.name == key[1]), None)

    def is_marked(self, key: Key) -> bool:
        """Whether a line is marked, by itself or with its repository."""
        return self.marks.covers(key)

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
        self._refresh()
        places = self._places
        return sum(key not in places for key in self.marks.listed())

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


_pushed: Callable[[Node | TagRow], float | None] = attrgetter("pushed")
_size: Callable[[Node | TagRow], float | None] = attrgetter("size_bytes")


def _nothing(_: Node) -> None:
    return None
