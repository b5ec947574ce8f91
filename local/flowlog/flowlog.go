// Package flowlog keeps what the data plane tells about flows: as in the service's VCN flow logs, one record for each
// flow of a VNIC in each minute.
package flowlog

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"oke-guestbook/local/cloud"
)

// Record is a flow in a minute.
type Record struct {
	cloud.Flow // Time is that of its first packet
	Last       time.Time
	SubnetID   string
	Subnet     string // name
	Logged     bool   // the subnet had an enabled flow log
}

const (
	window = time.Minute
	// maxBytes is the size at which a file becomes the older one of two.
	maxBytes = 4 << 20
	// maxOpen is how many records wait for the end of their minute.
	maxOpen = 4096
)

// key is what the packets of a record have in common.
type key struct {
	flow   cloud.Flow // without time and size
	minute int64
}

// Log holds the records in files: two for what was dropped and two for what was accepted, so that much traffic does not
// displace what was dropped. The older of two is replaced when the newer one is full: 16 MB in all. It is safe for
// concurrent use.
type Log struct {
	dir string

	mu   sync.Mutex
	open map[key]*Record // of this minute
}

// Open returns the log of a directory, which it makes.
func Open(dir string) (*Log, error) {
	return &Log{dir: dir, open: map[key]*Record{}}, os.MkdirAll(dir, 0o700)
}

// names of the files.
var names = map[bool]string{false: "dropped", true: "accepted"}

func (l *Log) path(accepted bool) string { return filepath.Join(l.dir, names[accepted]+".jsonl") }
func (l *Log) older(accepted bool) string {
	return filepath.Join(l.dir, names[accepted]+".older.jsonl")
}

// Add adds flows of the network's VNICs, and writes the records of minutes that are over. Call it each second.
func (l *Log) Add(flows []cloud.Flow, n cloud.Network, now time.Time) error {
	subnetOf, subnets := map[string]string{}, map[string]cloud.Subnet{}
	for _, vnic := range n.VNICs {
		subnetOf[vnic.ID] = vnic.SubnetID
	}
	for _, subnet := range n.Subnets {
		subnets[subnet.ID] = subnet
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, flow := range flows {
		k := key{flow, flow.Time.Truncate(window).Unix()}
		k.flow.Time, k.flow.Packets, k.flow.Bytes = time.Time{}, 0, 0
		r := l.open[k]
		if r == nil {
			subnet := subnets[subnetOf[flow.VNICID]]
			r = &Record{Flow: flow, SubnetID: subnet.ID, Subnet: subnet.Name, Logged: subnet.FlowLog}
			r.Packets, r.Bytes = 0, 0
			l.open[k] = r
		}
		r.Last, r.Packets, r.Bytes = flow.Time, r.Packets+flow.Packets, r.Bytes+flow.Bytes
	}
	return l.write(func(k key) bool {
		return len(l.open) > maxOpen || k.minute < now.Truncate(window).Unix()
	})
}

// write moves the selected records to the files.
func (l *Log) write(selected func(key) bool) error {
	done := map[bool][]Record{}
	for k, r := range l.open {
		if selected(k) {
			done[r.Accepted] = append(done[r.Accepted], *r)
			delete(l.open, k)
		}
	}
	var errs []error
	for accepted, records := range done {
		if info, err := os.Stat(l.path(accepted)); err == nil && info.Size() > maxBytes {
			errs = append(errs, os.Rename(l.path(accepted), l.older(accepted)))
		}
		errs = append(errs, appendTo(l.path(accepted), records))
	}
	return errors.Join(errs...)
}

func appendTo(path string, records []Record) error {
	sortByTime(records)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	_ = out.WriteByte('\n') // after a line that a killed process has not completed; Flush tells of failures
	encoder := json.NewEncoder(out)
	for _, r := range records {
		if err := encoder.Encode(r); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(out.Flush(), file.Close())
}

// Records returns the records that began at or after from and before to, the oldest first.
func (l *Log) Records(from, to time.Time) ([]Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []Record
	for _, path := range []string{l.older(true), l.path(true), l.older(false), l.path(false)} {
		if info, err := os.Stat(path); err == nil && info.ModTime().Before(from) {
			continue // it holds nothing that late
		}
		records, err := read(path)
		if err != nil {
			return nil, err
		}
		found = append(found, records...)
	}
	for _, r := range l.open {
		found = append(found, *r)
	}
	found = slices.DeleteFunc(found, func(r Record) bool { return r.Time.Before(from) || !r.Time.Before(to) })
	sortByTime(found)
	return found, nil
}

// read reads a file, which need not exist. A line that a killed process has not completed is left out.
func read(path string) (records []Record, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var r Record
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			records = append(records, r)
		}
	}
	return records, lines.Err()
}

func sortByTime(records []Record) {
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.VNICID, b.VNICID))
	})
}

// Close writes the records of the current minute.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write(func(key) bool { return true })
}
