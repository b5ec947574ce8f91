package freeport

import (
	"fmt"
	"net"
	"testing"
)

func TestPick(t *testing.T) {
	low, high := automatic()
	if low == 0 || high <= low {
		t.Fatalf("the kernel gives ports from %d to %d", low, high)
	}
	for range 200 {
		port, err := Pick()
		if err != nil {
			t.Fatal(err)
		}
		if low <= port && port <= high {
			t.Fatalf("port %d may be taken by any connection: the kernel gives %d to %d", port, low, high)
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatalf("port %d: %v", port, err)
		}
		defer l.Close() // taken from now on
	}
}

// A machine may give away all ports; then one of these has to do.
func TestPickWithoutChoice(t *testing.T) {
	port, err := pick(1024, 65535)
	if err != nil || port == 0 {
		t.Errorf("port %d, %v", port, err)
	}
}
