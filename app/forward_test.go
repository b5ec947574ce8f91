package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

// forward starts a TCP proxy in front of a database and returns the proxy's URI. allow is called with the bytes that a
// client sends; if it returns false, the proxy closes the connection.
func forward(t *testing.T, uri string, allow func(request []byte) bool) string {
	t.Helper()
	backend := strings.Trim(strings.TrimPrefix(uri, "mongodb://"), "/")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(client net.Conn) {
		defer client.Close()
		server, err := net.Dial("tcp", backend)
		if err != nil {
			return
		}
		defer server.Close()
		go func() {
			_, _ = io.Copy(client, server)
			client.Close()
		}()
		for buf := make([]byte, 64<<10); ; {
			n, err := client.Read(buf)
			if err != nil || !allow(buf[:n]) {
				return
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go serve(client)
		}
	}()
	return "mongodb://" + l.Addr().String()
}

// isFind reports whether a request is a find command: its BSON has a string with the key "find".
func isFind(request []byte) bool { return bytes.Contains(request, []byte("\x02find\x00")) }
