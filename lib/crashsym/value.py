# SPDX-License-Identifier: MIT
"""The base of values that every run of ``crashsym dump`` needs.

`typing.NamedTuple` and frozen dataclasses are for all others. They compile code for each class, and
importing `dataclasses` takes as long as Python needs to start: more than to read a small file.
"""

from __future__ import annotations

from operator import itemgetter

TYPE_CHECKING = False  # type checkers know this name; importing `typing` is what is saved
if TYPE_CHECKING:
    from functools import cached_property as cached_property
    from typing import Any

    from typing_extensions import Self, dataclass_transform
else:

    class cached_property:  # noqa: N801 - it has the name of that in `functools`
        """What `functools` has, whose import takes longer than to read a small file."""

        def __init__(self, function):  # noqa: ANN001, ANN204
            self.function = function
            self.__doc__ = function.__doc__

        def __get__(self, instance, owner=None):  # noqa: ANN001, ANN204
            """Return the value, which from now on is an ordinary attribute."""
            if instance is None:
                return self
            value = self.function(instance)
            instance.__dict__[self.function.__name__] = value
            return value

    def dataclass_transform(**_):  # noqa: ANN003, ANN201, D103 - for type checkers
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Value(tuple[object, ...]):
    """An immutable tuple whose fields are the annotations of its class, with their defaults.

    After ``class Size(Value): width: int; height: int = 1`` there are ``Size(2)`` and
    ``Size(height=3, width=2)``.
    """

    __slots__ = ()
    _names: tuple[str, ...] = ()
    _defaults: dict[str, object] = {}  # noqa: RUF012 - each subclass has its own

    def __init_subclass__(cls) -> None:
        cls._names = tuple(cls.__annotations__)
        cls._defaults = {name: cls.__dict__[name] for name in cls._names if name in cls.__dict__}
        for index, name in enumerate(cls._names):
            setattr(cls, name, property(itemgetter(index)))

    def __new__(cls, *values: Any, **named: Any) -> Any:
        """Make a value; it is a TypeError to leave out a field without a default."""
        if named or len(values) != len(cls._names):
            values = cls._complete(values, named)
        return tuple.__new__(cls, values)

    @classmethod
    def _complete(cls, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        count = len(cls._names)
        if len(values) > count:
            raise TypeError(f"{cls.__name__}: {len(values)} values for {count} fields")
        left = cls._names[len(values) :]
        for name in named:
            if name not in left:
                raise TypeError(f"{cls.__name__}: no field '{name}' left to give a value")
        given = {**cls._defaults, **named}
        for name in left:
            if name not in given:
                raise TypeError(f"{cls.__name__}: missing '{name}'")
        return (*values, *(given[name] for name in left))

    def _replace(self, **changes: Any) -> Self:
        """Return a copy with other values of some fields."""
        same = dict(zip(self._names, self, strict=True))
        return type(self)(**{**same, **changes})

    def __getnewargs__(self) -> tuple[object, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        fields = ", ".join(f"{n}={v!r}" for n, v in zip(self._names, self, strict=True))
        return f"{type(self).__name__}({fields})"
