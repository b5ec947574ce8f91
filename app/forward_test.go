package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

// forward stands before a database, at the address that it returns as a URI.
// meet sees what a client sends, and cuts the connection by returning false.
func forward(t *testing.T, uri string, meet func(request []byte) bool) string {
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
			if err != nil || !meet(buf[:n]) {
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

// finds reports whether a request reads entries: its BSON has a string under the key "find".
func finds(request []byte) bool { return bytes.Contains(request, []byte("\x02find\x00")) }
