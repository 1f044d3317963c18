"""The wire: one marked line a message, whatever else is printed around it."""

import io
import json
import os
import subprocess
import sys
import tracemalloc
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalebench.host import protocol

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(st.characters())),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=10,
)
MESSAGES = st.dictionaries(st.text(), JSON, max_size=5)
MARK = protocol.encode({}).partition(b"{")[0]


class TestAMessage:
    @given(MESSAGES)
    def test_comes_back_as_it_was_sent(self, message):
        assert protocol.decode(protocol.encode(message)) == message

    @given(MESSAGES)
    def test_is_one_line_of_plain_ascii(self, message):
        line = protocol.encode(message)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert line.isascii()

    @given(MESSAGES, st.binary().filter(lambda noise: MARK not in noise and b"\n" not in noise))
    def test_is_found_behind_what_others_printed(self, message, noise):
        assert protocol.decode(noise + protocol.encode(message)) == message

    @pytest.mark.parametrize("line", [b"", b"\n", b"hello\n", b'{"do": "open"}\n', MARK[:-1] + b"{}\n", b"\xff\xfe\n"])
    def test_is_not_seen_in_a_line_without_the_mark(self, line):
        assert protocol.decode(line) is None

    @pytest.mark.parametrize("text", [b"", b"[1]\n", b"5\n", b'"open"\n', b"null\n", b"{\n", b"{}{}\n", b"\xff\n"])
    def test_that_was_cut_or_is_none_is_an_error(self, text):
        with pytest.raises(ValueError, match=r".+"):
            protocol.decode(MARK + text)

    def test_keeps_times_to_the_last_bit(self):
        times = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308]
        assert protocol.decode(protocol.encode({"wall_s": times}))["wall_s"] == times


class TestARequest:
    @given(MESSAGES.map(lambda message: {"do": "open", **message}), st.integers(0, 100_000), st.sampled_from([1 << 10, 16 << 10]))
    def test_that_is_long_goes_in_parts_that_a_pipe_can_hold_and_is_whole_again(self, request, length, line):
        request["filled"] = "x" * length
        request.pop("part", None)
        lines = list(protocol.in_parts(request, line))
        assert max(map(len, lines)) <= line
        answered = io.BytesIO()
        assert list(protocol.requests(lines, answered)) == [request]
        assert answered.getvalue().count(b"\n") == len(lines) - 1

    @given(st.lists(st.binary(min_size=1, max_size=5000), max_size=4), st.text())
    def test_may_hold_bytes_wherever_it_holds_values(self, contents, text):
        request = {"do": "open", "contents": contents, "inside": {"text": text, "again": contents[:1]}}
        lines = list(protocol.in_parts(request, 1 << 10))
        assert max(map(len, lines)) <= 1 << 10
        assert list(protocol.requests(lines, io.BytesIO())) == [request]

    def test_follows_another_that_went_in_parts(self):
        first, second, third = {"do": "open", "items": "x" * 50_000}, {"do": "round"}, {"do": "open", "pickled": b"y" * 50_000}
        lines = [*protocol.in_parts(first), b"somebody's print\n", *protocol.in_parts(second), *protocol.in_parts(third)]
        assert list(protocol.requests(lines, io.BytesIO())) == [first, second, third]

    def test_of_many_bytes_is_held_once_and_no_longer_than_it_is_used(self):
        """Items may be of hundreds of megabytes, in the controller and in the host."""
        size = 20_000_000
        request = {"do": "open", "pickled": bytes(size)}
        tracemalloc.start()
        try:
            (got,) = protocol.requests(protocol.in_parts(request, 1 << 20), io.BytesIO())
            kept, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(got["pickled"]) == size
        assert kept < 1.1 * size
        assert most < 2.6 * size  # it grows as it comes, then is bytes


class TestArrays:
    @given(st.lists(st.integers(-(2**63), 2**63 - 1)))
    def test_of_counts_come_back_as_they_were(self, values):
        assert list(protocol.unpack(protocol.pack(array("q", values)), "q")) == values

    @given(st.lists(st.floats()))
    def test_of_seconds_come_back_to_the_last_bit_not_a_number_too(self, values):
        packed = array("d", values)
        assert protocol.unpack(protocol.pack(packed), "d").tobytes() == packed.tobytes()

    def test_are_text_that_a_message_can_hold(self):
        text = protocol.pack(array("d", [1.0]))
        assert json.loads(json.dumps(text)) == text
        assert protocol.pack(array("q")) == ""


class TestTheDescriptors:
    def test_of_a_process_that_did_not_take_them_are_an_error_with_a_way_out(self):
        with pytest.raises(RuntimeError, match=r"python -m scalebench\.host"):
            protocol.streams()

    def test_once_taken_are_out_of_reach_of_print_input_and_forked_children(self):
        program = """if True:
            import os, sys
            from scalebench.host import protocol
            protocol.take_descriptors()
            requests, replies = protocol.streams()
            print("to the user")
            os.write(1, b"to descriptor 1")
            seen = os.read(0, 100)
            child = os.fork()
            if not child:
                os._exit(protocol._streams is not None)
            forked = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            replies.write(protocol.encode({"read": seen.decode(), "request": requests.readline().decode(), "forked": forked}))
        """
        if not hasattr(os, "fork"):
            program = program.replace("child = os.fork()", "child = None").replace("if not child:", "if False:")
        told = subprocess.run([sys.executable, "-c", program], input=b"a request\n", capture_output=True, timeout=60, check=True)
        assert protocol.decode(told.stdout) == {"read": "", "request": "a request\n", "forked": 0}
        assert told.stdout.count(b"\n") == 1
        assert b"to the user" in told.stderr
        assert b"to descriptor 1" in told.stderr
