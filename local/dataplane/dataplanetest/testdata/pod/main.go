// Command pod is the only program of the test's images: it holds a Pod's namespaces, or serves a page.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
		<-stop
		return
	}
	name, _ := os.Hostname()
	fmt.Println("serving as", name)
	l, err := net.Listen("tcp", ":8080")
	for err == nil {
		var conn net.Conn
		if conn, err = l.Accept(); err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(name), name)
			conn.Close()
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
