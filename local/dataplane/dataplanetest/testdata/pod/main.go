// Command pod is the only program of the test's images. It holds a Pod's namespaces, or does what its argument says:
// serve a page, whose path /work takes a tenth of a second of the processor; fetch pages; write to a volume; or print
// what the other containers of its node have written, as log agents do.
package main

import (
	"bufio"
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
		wait()
		return
	}
	var err error
	switch args := os.Args[2:]; os.Args[1] {
	case "serve":
		err = serve()
	case "fetch":
		err = fetch(args)
	case "disk":
		if err = disk(args[0]); err == nil {
			wait()
		}
	case "agent":
		agent()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func wait() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
}

func serve() error {
	name, _ := os.Hostname()
	fmt.Println("serving as", name)
	l, err := net.Listen("tcp", ":8080")
	for err == nil {
		var conn net.Conn
		if conn, err = l.Accept(); err == nil {
			go answer(conn, name)
		}
	}
	return err
}

func answer(conn net.Conn, name string) {
	defer conn.Close()
	request := bufio.NewScanner(conn) // to its end: a connection that is closed with unread bytes is reset
	request.Scan()
	work := strings.HasPrefix(request.Text(), "GET /work")
	for request.Scan() && request.Text() != "" {
	}
	if work {
		for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
		}
	}
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(name), name)
}

// fetch prints the page at each address, in a line of its own. An address that is not reached yet is tried for a while.
func fetch(addresses []string) error {
	for _, address := range addresses {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		for began := time.Now(); err != nil && time.Since(began) < time.Minute; {
			time.Sleep(100 * time.Millisecond)
			conn, err = net.DialTimeout("tcp", address, time.Second)
		}
		if err != nil {
			return err
		}
		fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
		text, err := io.ReadAll(conn)
		conn.Close()
		if err != nil {
			return err
		}
		_, page, _ := strings.Cut(string(text), "\r\n\r\n")
		fmt.Println(page)
	}
	return nil
}

// disk adds its name to a file of the volume, and prints the size of the file system in GiB and all names.
func disk(dir string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(dir, "names"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	name, _ := os.Hostname()
	if _, err := fmt.Fprintln(file, name); err != nil {
		return err
	}
	names, err := os.ReadFile(file.Name())
	fmt.Println(s.Blocks*uint64(s.Bsize)>>30, strings.Join(strings.Fields(string(names)), " "))
	return err
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
