// Command load measures the guestbook on this machine: a process of its own,
// as the image runs it, against the embedded database, on loopback. It fails if
// a request fails, or if the guestbook takes more memory than a Pod may.
//
//	go build -o ../bin/guestbook . && go run ./cmd/load -app ../bin/guestbook
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
	"time"
)

func main() {
	var c config
	flag.StringVar(&c.app, "app", "", "the guestbook's binary; required")
	flag.DurationVar(&c.duration, "duration", 5*time.Second, "of each measurement")
	flag.IntVar(&c.clients, "clients", 64, "connections at once")
	flag.IntVar(&c.runs, "runs", 3, "of which the median is told")
	flag.IntVar(&c.entries, "entries", 200, "in the guestbook before it is measured")
	flag.IntVar(&c.idle, "idle", 3000, "connections that are opened at last, and stay")
	flag.Parse()
	report, err := measure(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	show(os.Stdout, c, report)
	if err := report.check(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func show(out io.Writer, c config, report report) {
	fmt.Fprintf(out, "%d CPUs, %d clients, %v each, median of %d runs, %d entries at first\n\n",
		runtime.NumCPU(), c.clients, c.duration, c.runs, c.entries)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "request\ta second\tmedian\t99th percentile\tfailed\t")
	for _, r := range report.rows {
		fmt.Fprintf(w, "%s\t%.0f\t%v\t%v\t%d\t\n", r.name, r.rate, r.median.Round(10*time.Microsecond), r.p99.Round(10*time.Microsecond), r.failed)
	}
	_ = w.Flush()
	fmt.Fprintf(out, "\nmemory of the guestbook at its highest (VmHWM): %.1f MB; with %d idle connections more, %.1f MB (limit: %.0f MB)\n",
		float64(report.peak)/1e6, c.idle, float64(report.idle)/1e6, memoryLimit/1e6)
}
