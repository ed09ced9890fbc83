#!/usr/bin/env python3
"""Shows the objects of a live segment, and the unread records of its byte rings, without joining them:
python3 examples/inspect.py NAME [--all]

It maps the file for reading only, so no participant notices it. A NAME without a `/` is in /dev/shm. It shows the
first 64 bytes of each record; with --all, all of them. It was written after the page on the segment format
(src/docs/format.rs) alone.
"""
import fcntl, mmap, os, struct, sys

# Python has the name since 3.9. On Linux the number is the same everywhere.
F_OFD_GETLK = getattr(fcntl, "F_OFD_GETLK", 36)
KINDS = {1: "spsc", 2: "mpsc", 3: "lanes"}
STATES = dict(enumerate(["never held", "taken", "left", "died", "finished"]))


class Segment:
    def __init__(self, name):
        self.file = os.open(name if "/" in name else "/dev/shm/" + name, os.O_RDONLY)
        self.bytes = mmap.mmap(self.file, 0, prot=mmap.PROT_READ)
        if self[0] != int.from_bytes(b"RINGWAY1", "little"):
            sys.exit(f"{name}: not a ring, or not yet, or of another byte order")
        # Bit 0 of the features says how sleepers are woken, which does not concern a reader.
        if self[8] != 1 or self[24] & ~1 != 0:
            sys.exit(f"{name}: format {self[8]}.{self[16]}, features {self[24]:#x}: this script reads 1.x, and feature 1")
        self.objects = [256 * (1 + index) for index in range(self[48])]

    def __getitem__(self, at):
        return struct.unpack_from("Q", self.bytes, at)[0]  # native, not "=Q", so that the word is read in one piece

    def label(self, at):
        return "`" + self.bytes[at:at + 64].rstrip(b"\0").decode(errors="replace") + "`"

    def is_locked(self, at):
        ask = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, at, 512, 0)
        return struct.unpack("hhqqi4x", fcntl.fcntl(self.file, F_OFD_GETLK, ask))[0] != fcntl.F_UNLCK

    def role(self, name, at):
        state = self[at + 256]
        line = f"{name}: {STATES.get(state & 0xff, STATES[3])}"
        if state & 0xff == 1:
            line += ", alive" if self.is_locked(at) else ", and its lock is gone"
        if state:
            line += f", holder {state >> 8}, process {self[at + 264]} {self.label(at + 320)}"
        return line


class Ring:
    """The ring whose entry in the object table is at an offset."""

    def __init__(self, segment, entry):
        self.segment = segment
        self.kind = KINDS[segment[entry]]
        self.is_bytes = segment[entry + 40] == 2
        blocks, self.producers, self.capacity = segment[entry + 24], segment[entry + 48], segment[entry + 56]
        self.descriptors, self.cells = segment[entry + 80], segment[entry + 88]
        self.consumer = blocks
        self.seats = [blocks + 512 * (seat + (1 if self.kind == "spsc" else 2)) for seat in range(self.producers)]
        self.lanes = self.producers if self.kind == "lanes" else 1

    def records(self, lane):
        """The published and unreleased records, in order: position, what it is, length, bytes."""
        segment = self.segment
        head = self.seats[lane] + 448 if self.kind == "lanes" else self.consumer
        descriptors = self.descriptors + lane * (16 * self.capacity + 127 & ~127)
        cells = self.cells + lane * 64 * self.capacity
        at = segment[head]
        end = at + self.capacity
        while at < end:
            cell = at % self.capacity
            stamp, info = segment[descriptors + 16 * cell], segment[descriptors + 16 * cell + 8]
            low, what, seat = info & 0xffff_ffff, info >> 32 & 0xff, info >> 48
            is_lost, is_record = stamp == (at + 1 | 1 << 63), stamp == at + 1 and what == 1
            payload = segment.bytes[cells + 64 * cell:cells + 64 * cell + low] if is_record else b""
            if segment[head] > at:  # released meanwhile, and perhaps overwritten
                at = segment[head]
                continue
            if stamp != at + 1 and not is_lost:
                return
            yield at, f"lost with seat {seat}" if is_lost else f"seat {seat}" if is_record else "skip", low, payload
            at += max(1, -(-low // 64) if is_record else low)

    def show(self):
        print(self.segment.role("consumer", self.consumer))
        for seat, at in enumerate(self.seats):
            sent = f"; sent {self.segment[at + 24]} records of {self.segment[at + 32]} bytes" if self.is_bytes else ""
            print(self.segment.role(f"producer {seat}", at) + sent)
        for lane in range(self.lanes if self.is_bytes else 0):
            for at, what, length, payload in self.records(lane):
                cut = payload if "--all" in sys.argv else payload[:64]
                text = f" {cut!r}" + ("..." if cut != payload else "") if what.startswith("seat") else ""
                print(f"{at}: {what}, {length} {'bytes' if text else 'cells'}{text}")


segment = Segment(sys.argv[1])
print(f"format {segment[8]}.{segment[16]}, {segment[40]} bytes, made by process {segment[64]}")
for entry in segment.objects:
    name = segment.label(entry + 192) + ": " if segment[entry + 192] else ""
    if segment[entry] not in KINDS:
        print(f"{name}of the unknown kind {segment[entry]}")
        continue
    ring = Ring(segment, entry)
    of = "bytes" if ring.is_bytes else f"items of type {segment.label(entry + 128)}"
    print(f"{name}{ring.kind} ring of {of}, {ring.capacity} cells")
    ring.show()
