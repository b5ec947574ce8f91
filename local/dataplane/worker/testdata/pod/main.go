// Command pod is the only program of the test's image: it holds a Pod's namespaces, fills memory or a file, or serves
// HTTP.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

func main() {
	switch {
	case len(os.Args) == 3: // "memory", or the name of a file, and a number of MiB
		fill(os.Args[1], os.Args[2])
	case len(os.Args) < 2:
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
		<-stop
	default:
		serve()
	}
}

// fill takes memory, or the space of a file, until the process is killed.
func fill(what, mebibytes string) {
	count, err := strconv.Atoi(mebibytes)
	var memory [][]byte
	for range count {
		block := bytes.Repeat([]byte{1}, 1<<20)
		if what == "memory" {
			memory = append(memory, block)
			continue
		}
		file, openErr := os.OpenFile(what, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		_, writeErr := file.Write(block)
		err = errors.Join(err, openErr, writeErr, file.Close())
	}
	fmt.Println("filled", what, err)
	for {
		time.Sleep(time.Hour)
		runtime.KeepAlive(memory)
	}
}

func serve() {
	name, _ := os.Hostname()
	fmt.Println("serving as", name)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(w, "%s saw %s", name, client)
	})
	http.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Get(r.URL.Query().Get("url"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		_, _ = io.Copy(w, answer.Body)
	})
	fmt.Println(http.ListenAndServe(":8080", nil))
	os.Exit(1)
}
