"""Access tokens from a function of the program."""

import ctypes
import queue
import threading
from types import CoroutineType
from typing import Any, Awaitable, Callable, Optional, Union

from ._exit import is_exiting
from ._library import TokenFunction

# Called with the token that was refused, or None; returns another, for an AsyncClient perhaps something to await.
TokenProvider = Callable[[Optional[str]], Union[str, Awaitable[str]]]

# A token, why there is none, or None: nobody waits for it any more.
Answer = Union[str, BaseException, None]


class TokenSource:
    """Calls a token provider for the library, which asks on a thread of its own.

    The library's call must return whatever the provider does: freeing a client waits for it, and at the end of the
    interpreter it must have left Python. So a thread of Python calls the provider, and the library's thread waits for an
    answer of either that or :meth:`close`.
    """

    def __init__(self, provider: Callable[[Optional[str]], Any]) -> None:
        self._provider = provider
        self._is_closed = False
        # Of the library's call in progress; it makes one at a time.
        self._answers: "queue.SimpleQueue[Answer]" = queue.SimpleQueue()
        self.failure: Optional[BaseException] = None
        """The provider's exception, if its last call raised one."""
        self.function: Any = TokenFunction(self._provide)

    def close(self) -> None:
        """Ends the library's call, and every later one, without a token."""
        self._is_closed = True
        self._answers.put(None)

    def _provide(self, _user_data: Optional[int], refused: Optional[bytes], room: int, size: int) -> int:
        answer: Answer
        try:
            answer = self._ask(None if refused is None else refused.decode())
        except BaseException as error:
            answer = error
        code, text = 1, b""
        if isinstance(answer, str):
            self.failure = None
            code, text = 0, answer.encode("utf-8", "replace")
            if len(text) >= size or b"\0" in text:
                text = b""  # which the library refuses, naming its rule
        elif answer is not None:
            self.failure = answer
            text = f"{type(answer).__name__}: {answer}".encode("utf-8", "replace").replace(b"\0", b" ")[: size - 1]
        ctypes.memmove(room, text + b"\0", len(text) + 1)
        return code

    def _ask(self, refused: Optional[str]) -> Answer:
        answers = self._answers = queue.SimpleQueue()
        if self._is_closed or is_exiting():
            return None
        # A daemon, or the interpreter's end would wait for it.
        threading.Thread(target=self._call, args=[refused, answers], name="zmd-token", daemon=True).start()
        return answers.get()

    def _call(self, refused: Optional[str], answers: "queue.SimpleQueue[Answer]") -> None:
        try:
            self.answer(self._provider(refused), answers)
        except BaseException as error:
            answers.put(error)

    def answer(self, token: Any, answers: "queue.SimpleQueue[Answer]") -> None:
        """Puts what the provider has returned."""
        if isinstance(token, CoroutineType):
            token.close()  # it would be told that it was never awaited
        if not isinstance(token, str):
            raise TypeError(f"the access token that the provider returned must be a str, not {type(token).__name__}")
        answers.put(token)
