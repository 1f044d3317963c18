"""A real Jupyter kernel to run cells in."""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_client.manager import start_new_kernel

_PATIENCE_S = 300  # the machine may be busy


@dataclass
class Told:
    """What a cell gave back."""

    shown: list[dict] = field(default_factory=list)  #: mime bundles, those of a display that was updated too
    value: dict = field(default_factory=dict)  #: the mime bundle of its last expression
    printed: str = ""
    traceback: str = ""  #: as the notebook shows it

    @property
    def text(self):
        return self.value["text/plain"]


class Kernel:
    """Runs one cell after the other."""

    def __init__(self, manager, client):
        self.manager = manager
        self._client = client

    def run(self, code, *, watch=lambda told: None):
        """Execute a cell; ``watch`` is called with what it gave so far, after each message."""
        asked = self._client.execute(code)
        told = Told()
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            message = self._client.get_iopub_msg(timeout=max(0.1, give_up - time.monotonic()))
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "display_data" | "update_display_data":
                    told.shown.append(content["data"])
                case "execute_result":
                    told.value = content["data"]
                case "stream":
                    told.printed += content["text"]
                case "error":
                    told.traceback = "\n".join(content["traceback"])
                case "status" if content["execution_state"] == "idle":
                    return told
            watch(told)

    def interrupt(self):
        """As the notebook's stop button does."""
        self.manager.interrupt_kernel()

    @property
    def pid(self):
        return self.manager.provisioner.pid


@contextmanager
def kernel(folder: Path):
    """A kernel whose working folder this is, until the block ends."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
