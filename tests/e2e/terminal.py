"""A program on a terminal of its own: what it draws, and what signals do to it."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import project


class Terminal:
    def __init__(self, *args, cwd=None, columns=80, **env):
        self.text = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen([project.BIN, *args], cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
                                        env=project.environment(**{"TERM": "xterm", **env}))
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def _read(self, deadline):
        """Some more of what it writes; False at its end."""
        ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more came; so far: {self.text!r}")
        try:
            data = os.read(self.master, 65536)
        except OSError:     # how Linux says that the other end is closed
            return False
        self.text += data
        return bool(data)

    def wait_for(self, what):
        deadline = time.monotonic() + project.DEADLINE_S
        while what not in self.text:
            if not self._read(deadline):
                raise AssertionError(f"it ended without {what!r}: {self.text!r}")

    def finish(self):
        """Read to the end; the exit status."""
        deadline = time.monotonic() + project.DEADLINE_S
        while self._read(deadline):
            pass
        return self.process.wait(project.DEADLINE_S)

    def signal(self, number):
        """Send a signal; the exit status and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.finish(), time.monotonic() - began
