// Command pod is the only program of the test's images: it holds a Pod's namespaces, serves a page, or is a log agent,
// which prints what the other containers of its node have written. The page's path /work takes a tenth of a second of
// the processor.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
		<-stop
		return
	}
	if os.Args[1] == "agent" {
		agent()
	}
	name, _ := os.Hostname()
	fmt.Println("serving as", name)
	l, err := net.Listen("tcp", ":8080")
	for err == nil {
		var conn net.Conn
		if conn, err = l.Accept(); err == nil {
			request := make([]byte, len("GET /work"))
			if _, err := io.ReadFull(conn, request); err == nil && string(request) == "GET /work" {
				for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
				}
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(name), name)
			conn.Close()
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// agent reads the logs of all containers but its own, each second.
func agent() {
	self, _ := os.Hostname()
	for ; ; time.Sleep(time.Second) {
		logs, err := filepath.Glob("/var/log/containers/*.log")
		if err != nil || len(logs) == 0 {
			fmt.Println("no logs", err)
		}
		for _, log := range logs {
			if strings.HasPrefix(filepath.Base(log), self) {
				continue
			}
			text, err := os.ReadFile(log)
			fmt.Printf("%s: %s %v\n", log, text, err)
		}
	}
}
