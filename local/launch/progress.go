package launch

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// printing keeps lines whole: steps overlap.
var printing sync.Mutex

func printf(out io.Writer, format string, args ...any) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Fprintf(out, format, args...)
}

// progress shows one long step: a line that rewrites itself on a terminal, else a line every quarter of a minute.
type progress struct {
	out      io.Writer
	terminal bool
	title    string
	start    time.Time

	mu     sync.Mutex
	detail string
	stop   chan struct{}
	done   sync.WaitGroup
}

func startProgress(out io.Writer, title string) *progress {
	p := &progress{out: out, terminal: isTerminal(out), title: title, start: time.Now(), stop: make(chan struct{})}
	every := 15 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	} else {
		printf(out, "  %s\n", title)
	}
	p.done.Add(1)
	go func() {
		defer p.done.Done()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.show()
			}
		}
	}()
	return p
}

func (p *progress) set(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detail = fmt.Sprintf(format, args...)
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := strings.TrimRight(fmt.Sprintf("  %s: %s %s", p.title, p.elapsed(), p.detail), " ")
	if p.terminal {
		printf(p.out, "\r\x1b[K%s", line)
	} else {
		printf(p.out, "%s\n", line)
	}
}

// end replaces the moving line with the outcome.
func (p *progress) end(outcome string) {
	close(p.stop)
	p.done.Wait()
	if p.terminal {
		printf(p.out, "\r\x1b[K")
	}
	printf(p.out, "  %s: %s (%s)\n", p.title, outcome, p.elapsed())
}

func (p *progress) elapsed() time.Duration {
	return time.Since(p.start).Round(time.Second)
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
