package freeport

import (
	"fmt"
	"net"
	"testing"
)

func TestPick(t *testing.T) {
	low, high := kernelRange()
	if low == 0 || high <= low {
		t.Fatalf("the kernel assigns ports %d to %d", low, high)
	}
	for range 200 {
		port, err := Pick()
		if err != nil {
			t.Fatal(err)
		}
		if low <= port && port <= high {
			t.Fatalf("port %d may be taken by any connection: the kernel assigns %d to %d", port, low, high)
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatalf("port %d: %v", port, err)
		}
		defer l.Close() // from now on the port is taken
	}
}

// If the kernel may assign every port, Pick returns one of them.
func TestPickWithoutChoice(t *testing.T) {
	port, err := pick(1024, 65535)
	if err != nil || port == 0 {
		t.Errorf("port %d, %v", port, err)
	}
}
