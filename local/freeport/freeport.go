// Package freeport finds TCP ports of loopback that stay free until somebody listens on them. Libraries for this
// listen on port 0 and close it: the kernel may give that port to any connection the next moment.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// first and last bound the ports that Pick tries. They lie below the kernel's default range.
const (
	first = 10240
	last  = 32767
)

// Pick returns a free TCP port of 127.0.0.1, if possible outside the range from which the kernel assigns ports to
// connections and to listeners on port 0 (ip_local_port_range in Linux's ip-sysctl).
func Pick() (int, error) {
	low, high := kernelRange()
	return pick(low, high)
}

// pick returns a free port outside low to high, or else any.
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

// kernelRange returns the first and last port that the kernel assigns.
func kernelRange() (low, high int) {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if _, scanErr := fmt.Sscan(string(data), &low, &high); errors.Join(err, scanErr) != nil {
		return 32768, 60999 // Linux's default
	}
	return low, high
}
