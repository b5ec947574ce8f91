// Package progress prints the lines and the long steps of a command. It is hand-written because a progress bar's
// library shows nothing where the output is no terminal, such as in CI, and would be a dependency of the launcher.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Printer writes whole lines. It is safe for concurrent use.
type Printer struct {
	mu       sync.Mutex
	out, err io.Writer
}

// New returns a printer that writes to out, and warnings to err.
func New(out, err io.Writer) *Printer { return &Printer{out: out, err: err} }

// Printf prints a line.
func (p *Printer) Printf(format string, args ...any) { p.write(p.out, format+"\n", args...) }

// Warnf prints a line to the writer for warnings.
func (p *Printer) Warnf(format string, args ...any) { p.write(p.err, format+"\n", args...) }

func (p *Printer) write(to io.Writer, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(to, format, args...)
}

// Step shows how one long step proceeds: a line that is rewritten on a terminal, else a line every 15 seconds.
type Step struct {
	printer  *Printer
	terminal bool
	title    string
	start    time.Time
	stop     func() // ends the updates

	mu     sync.Mutex
	detail string
}

// Step begins a step. The caller must call End.
func (p *Printer) Step(title string) *Step {
	s := &Step{printer: p, terminal: isTerminal(p.out), title: title, start: time.Now()}
	interval := 15 * time.Second
	if s.terminal {
		interval = 200 * time.Millisecond
	} else {
		p.Printf("  %s", title)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	s.stop = sync.OnceFunc(func() {
		close(stop)
		<-stopped
		if s.terminal {
			p.write(p.out, "\r\x1b[K")
		}
	})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				s.show()
			}
		}
	}()
	return s
}

// Setf sets the text beside the elapsed time.
func (s *Step) Setf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detail = fmt.Sprintf(format, args...)
}

func (s *Step) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := strings.TrimRight(fmt.Sprintf("  %s: %s %s", s.title, s.elapsed(), s.detail), " ")
	if s.terminal {
		s.printer.write(s.printer.out, "\r\x1b[K%s", line)
	} else {
		s.printer.Printf("%s", line)
	}
}

// End stops the updates and prints the outcome with the elapsed time. A second call prints a later outcome.
func (s *Step) End(outcome string) {
	s.stop()
	s.printer.Printf("  %s: %s (%s)", s.title, outcome, s.elapsed())
}

func (s *Step) elapsed() time.Duration { return time.Since(s.start).Round(time.Second) }

// isTerminal reports whether out is a terminal that understands escape sequences. The mode suffices, and spares the
// launcher golang.org/x/term.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
