// Package freeport finds ports of loopback that stay free until somebody listens on them.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// first and last bound the ports that are tried. They lie below those that the kernel gives away by itself.
const (
	first = 10240
	last  = 32767
)

// Pick returns a free TCP port of 127.0.0.1 from 10240 to 32767 that the kernel gives nobody by itself, neither to a
// connection nor to who listens on port 0 (Linux, ip-sysctl, ip_local_port_range): such a port may be taken the next moment.
func Pick() (int, error) {
	low, high := automatic()
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		if low <= port && port <= high {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no port of 127.0.0.1 from %d to %d, outside of ip_local_port_range %d to %d, is free", first, last, low, high)
}

// automatic returns the range of ports that the kernel gives away.
func automatic() (low, high int) {
	low, high = 32768, 60999 // Linux's default
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(data), &low, &high)
	}
	return low, high
}
