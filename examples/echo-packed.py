#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0
"""usage: echo-packed.py NAME

Makes the L3 port NAME, and answers the pings that the kernel sends there, in packed
mode: one read returns a row of packets, and one write takes one. It takes nothing but
Python; the numbers are those of <frameio/frameio.h>, as frameio(4) tells them.
"""
import errno
import fcntl
import os
import struct
import sys

FRAMEIO_CREATE = 0xC040FB10
FRAMEIO_SET_OPTIONS = 0x4004FB16
FRAMEIO_PORT_L3 = 0x0001
FRAMEIO_O_PACKED = 0x0010

# struct frameio_create: the name, the flags, and more that has defaults
CREATE = struct.Struct("=16sI44x")
# what begins struct frameio_hdr, of 40 bytes: version, hdrlen, flags, len
HDR = struct.Struct("=BBHI32x")
ALIGN = 8

ROW_SIZE = 128 * 1024

ICMP, ECHO_REQUEST, ECHO_REPLY = 1, 8, 0


def create_port(name):
    """A file of the new port, in packed mode."""
    fd = os.open("/dev/frameio/control", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(fd, FRAMEIO_CREATE, CREATE.pack(name.encode(), FRAMEIO_PORT_L3))
    fcntl.ioctl(fd, FRAMEIO_SET_OPTIONS, struct.pack("=I", FRAMEIO_O_PACKED))
    return fd


def packets(row):
    """The packets of a row of records."""
    start = 0
    while start < len(row):
        _, hdrlen, _, length = HDR.unpack_from(row, start)
        yield row[start + hdrlen:start + hdrlen + length]
        start += (hdrlen + length + ALIGN - 1) // ALIGN * ALIGN


def append(row, packet):
    """Append a record with a packet to a row."""
    row += bytes(-len(row) % ALIGN)
    row += HDR.pack(1, HDR.size, 0, len(packet))
    row += packet


def answer(packet):
    """The reply to an echo request; None if it is none."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != ICMP:
        return None
    header = (packet[0] & 0xF) * 4
    fragment = packet[6] & 0x3F or packet[7]
    if header < 20 or len(packet) < header + 8 or fragment or packet[header] != ECHO_REQUEST:
        return None
    # the checksum is a complement: what the type has less it has more (RFC 1624)
    checksum = struct.unpack_from("!H", packet, header + 2)[0]
    checksum += (ECHO_REQUEST - ECHO_REPLY) << 8
    checksum = (checksum & 0xFFFF) + (checksum >> 16)
    icmp = struct.pack("!BBH", ECHO_REPLY, packet[header + 1], checksum)
    return (packet[:12] + packet[16:20] + packet[12:16] + packet[20:header]
            + icmp + packet[header + 4:])


def write_row(fd, row):
    """Write a row of records; what a call did not accept starts where it says."""
    try:
        while row:
            row = row[os.write(fd, row):]
    except OSError as error:
        # an interface that is down takes nothing
        if error.errno != errno.ENETDOWN:
            raise


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: echo-packed.py NAME")
    port = create_port(sys.argv[1])
    while True:
        answers = bytearray()
        for packet in packets(os.read(port, ROW_SIZE)):
            reply = answer(packet)
            if reply:
                append(answers, reply)
        write_row(port, answers)


if __name__ == "__main__":
    main()
