// Command load measures the guestbook's throughput, latency and memory on this machine. It runs the guestbook as the
// image does, with an embedded database, over loopback. It fails if a request fails or if the guestbook takes more
// memory than its Pod may.
//
//	go build -o ../bin/guestbook . && go run ./cmd/load -app ../bin/guestbook
//
// It does not use vegeta, which would save about 30 lines for 7 more modules, and estimates the percentiles.
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
	flag.DurationVar(&c.duration, "duration", 5*time.Second, "duration of each run")
	flag.IntVar(&c.clients, "clients", 64, "number of concurrent clients")
	flag.IntVar(&c.runs, "runs", 3, "runs for each kind of request; the median run is reported")
	flag.IntVar(&c.entries, "entries", 200, "entries in the guestbook before the first run")
	flag.IntVar(&c.idle, "idle", 3000, "idle connections to open after the last run")
	flag.Parse()
	result, err := measure(c)
	if err == nil {
		result.print(os.Stdout, c)
		err = result.check()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func (r report) print(out io.Writer, c config) {
	fmt.Fprintf(out, "%d CPUs, %d clients, %v each, median of %d runs, %d entries at first\n\n",
		runtime.NumCPU(), c.clients, c.duration, c.runs, c.entries)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "request\tper second\tmedian\t99th percentile\tfailed\t")
	for _, row := range r.rows {
		fmt.Fprintf(w, "%s\t%.0f\t%v\t%v\t%d\t\n", row.name, row.rate,
			row.median.Round(10*time.Microsecond), row.p99.Round(10*time.Microsecond), row.failed)
	}
	_ = w.Flush()
	fmt.Fprintf(out, "\npeak memory (VmHWM): %.1f MB; with %d more idle connections: %.1f MB (limit: %.0f MB)\n",
		float64(r.peak)/1e6, c.idle, float64(r.peakIdle)/1e6, memoryLimit/1e6)
}
