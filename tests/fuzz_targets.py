"""What is fuzzed: every reader of what strangers send, as a function of bytes that must not fail.

A target calls readers as the program does and checks what must hold of any input: they end, they
raise nothing but what their callers catch, and they say the same twice. It has no opinion on what
an input means; the tests of each reader do. `test_fuzz.py` runs the targets under hypothesis,
`fuzz_run.py` under atheris.
"""

from __future__ import annotations

from collections.abc import Callable

import fuzz_documents
import fuzz_texts

Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {
    check.__name__: check for check in (*fuzz_texts.TARGETS, *fuzz_documents.TARGETS)
}
