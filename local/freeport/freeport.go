// Package freeport finds ports of loopback that stay free until somebody listens on them.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// first and last bound the ports that are tried. They lie below those that the kernel gives away by default.
const (
	first = 10240
	last  = 32767
)

// Pick returns a free TCP port of 127.0.0.1. It prefers one that the kernel gives nobody by itself, neither to a connection nor
// to who listens on port 0 (Linux, ip-sysctl, ip_local_port_range): any other may be taken the next moment.
func Pick() (int, error) {
	low, high := automatic()
	return pick(low, high)
}

func pick(low, high int) (int, error) {
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		if low <= port && port <= high {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// automatic returns the range of ports that the kernel gives away.
func automatic() (low, high int) {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if _, scanned := fmt.Sscan(string(data), &low, &high); errors.Join(err, scanned) != nil {
		return 32768, 60999 // Linux's default
	}
	return low, high
}
