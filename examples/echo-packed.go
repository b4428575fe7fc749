// SPDX-License-Identifier: MIT OR GPL-2.0

// usage: echo-packed NAME
//
// Makes the L3 port NAME, and answers the pings that the kernel sends there, in packed
// mode: one Read returns a row of packets, and one Write takes one. It takes nothing but
// Go, without cgo; the numbers are those of <frameio/frameio.h>, as frameio(4) tells them:
//
//	go build echo-packed.go
package main

import (
	"encoding/binary"
	"errors"
	"log"
	"os"
	"syscall"
	"unsafe"
)

const (
	frameioCreate     = 0xc040fb10
	frameioSetOptions = 0x4004fb16
	frameioPortL3     = 0x0001
	frameioPacked     = 0x0010

	hdrVersion  = 1
	hdrSize     = 40
	recordAlign = 8

	rowSize = 128 * 1024

	ipHeaderMin = 20
	icmpHeader  = 8
	icmp        = 1
	echoRequest = 8
	echoReply   = 0
)

// Records are in the byte order of the machine: here one that has the least first.
var order = binary.LittleEndian

// struct frameio_create; what is 0 has a default.
type create struct {
	name  [16]byte
	flags uint32
	rest  [11]uint32
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) error {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	if errno != 0 {
		return errno
	}
	return nil
}

// createPort returns a file of the new port, in packed mode.
func createPort(name string) (*os.File, error) {
	const control = "/dev/frameio/control"
	request := create{flags: frameioPortL3}
	options := uint32(frameioPacked)

	fd, err := syscall.Open(control, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: control, Err: err}
	}
	copy(request.name[:len(request.name)-1], name)
	if err := ioctl(fd, frameioCreate, unsafe.Pointer(&request)); err != nil {
		return nil, os.NewSyscallError("FRAMEIO_CREATE", err)
	}
	if err := ioctl(fd, frameioSetOptions, unsafe.Pointer(&options)); err != nil {
		return nil, os.NewSyscallError("FRAMEIO_SET_OPTIONS", err)
	}
	// Not before it is a port's: then Go waits for it as for a socket, with no thread.
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func alignUp(n int) int {
	return (n + recordAlign - 1) &^ (recordAlign - 1)
}

// appendRecord appends a record with a packet to a row.
func appendRecord(row, packet []byte) []byte {
	var hdr [hdrSize]byte

	hdr[0] = hdrVersion
	hdr[1] = hdrSize
	order.PutUint32(hdr[4:], uint32(len(packet)))
	row = append(row, make([]byte, alignUp(len(row))-len(row))...)
	row = append(row, hdr[:]...)
	return append(row, packet...)
}

// answer makes an echo request the reply to it; it is false if the packet is none.
func answer(packet []byte) bool {
	if len(packet) < ipHeaderMin || packet[0]>>4 != 4 || packet[9] != icmp {
		return false
	}
	header := int(packet[0]&0xf) * 4
	fragment := packet[6]&0x3f != 0 || packet[7] != 0
	if header < ipHeaderMin || len(packet) < header+icmpHeader || fragment ||
		packet[header] != echoRequest {
		return false
	}
	var from [4]byte
	copy(from[:], packet[12:16])
	copy(packet[12:16], packet[16:20])
	copy(packet[16:20], from[:])
	// The checksum is a complement: what the type has less it has more (RFC 1624).
	packet[header] = echoReply
	sum := uint32(binary.BigEndian.Uint16(packet[header+2:])) + (echoRequest-echoReply)<<8
	binary.BigEndian.PutUint16(packet[header+2:], uint16(sum+sum>>16))
	return true
}

// answerAll appends answers to the packets of a row, as far as there are any, to another.
func answerAll(answers, row []byte) []byte {
	for start := 0; start < len(row); {
		hdr := row[start:]
		end := int(hdr[1]) + int(order.Uint32(hdr[4:]))
		packet := hdr[hdr[1]:end]
		if answer(packet) {
			answers = appendRecord(answers, packet)
		}
		start += alignUp(end)
	}
	return answers
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("echo-packed: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: echo-packed NAME")
	}
	port, err := createPort(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	row := make([]byte, rowSize)
	answers := make([]byte, 0, rowSize)
	for {
		n, err := port.Read(row)
		if err != nil {
			log.Fatal(err)
		}
		answers = answerAll(answers[:0], row[:n])
		if len(answers) == 0 {
			continue
		}
		// Write goes on until all is accepted: what is left starts with a record.
		_, err = port.Write(answers)
		if err != nil && !errors.Is(err, syscall.ENETDOWN) {
			log.Fatal(err)
		}
	}
}
