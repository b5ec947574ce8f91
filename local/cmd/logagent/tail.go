package main

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"
)

// Limits of a line in a file, and of one that the container runtime has divided.
const (
	lineLimit   = 32 << 10
	joinedLimit = 2 << 20
)

// tail reads a container's log file, which it follows when the file gets another name.
type tail struct {
	path, tag string
	file      *os.File
	offset    int64
	partial   map[string]string // by stream: the beginning of a line whose end has not been read
	position  position          // behind the last line, but for partial ones
}

// open opens a file where an agent before this one has stopped. A file that is unknown is read from its beginning, or
// from its end.
func open(path, tag string, kept position, fromHead bool) (*tail, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	t := &tail{path: path, tag: tag, file: file, partial: map[string]string{}}
	switch {
	case kept.Inode == inode && kept.Offset <= info.Size():
		t.offset = kept.Offset
	case !fromHead:
		t.offset = info.Size()
	}
	t.position = position{inode, t.offset}
	return t, nil
}

// replaced reports whether the path leads to another file, or to none.
func (t *tail) replaced() bool {
	now, err := os.Stat(t.path)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	mine, err := t.file.Stat()
	return err == nil && !os.SameFile(now, mine)
}

// read returns the records of whole lines, up to limit and the end of a line, and the size of what was read.
func (t *tail) read(limit int64, log *slog.Logger) (records []record, size int64) {
	lines := bufio.NewReaderSize(io.NewSectionReader(t.file, t.offset, 1<<62), lineLimit)
	for size < limit {
		line, err := lines.ReadSlice('\n')
		length := int64(len(line))
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = lines.ReadSlice('\n')
			length += int64(len(line))
		}
		if err != nil { // the end of the file, before that of a line
			break
		}
		size += length
		t.offset += length
		if long {
			log.Warn("a long line is skipped", "file", t.path, "bytes", length)
		} else if r, whole := t.record(strings.TrimSuffix(string(line), "\n")); whole {
			records = append(records, r)
		}
		if len(t.partial) == 0 {
			t.position.Offset = t.offset
		}
	}
	return records, size
}

// record reads a line of the container runtime: time, stream, F or P for a whole or partial line, and the text
// (Kubernetes, "CRI Logging Format"). It returns false for a partial line. A record has the fields that Fluent Bit's
// parser "cri" gives it.
func (t *tail) record(line string) (r record, whole bool) {
	parts := strings.SplitN(line, " ", 4)
	var at time.Time
	err := errors.New("too short")
	if len(parts) == 4 {
		at, err = time.Parse(time.RFC3339Nano, parts[0])
	}
	if err != nil {
		return record{t.tag, time.Now(), map[string]string{"log": line}}, true
	}
	stream, text := parts[1], t.partial[parts[1]]+parts[3]
	if parts[2] == "P" && len(text) < joinedLimit {
		t.partial[stream] = text
		return record{}, false
	}
	delete(t.partial, stream)
	return record{t.tag, at, map[string]string{"time": parts[0], "stream": stream, "_p": parts[2], "log": text}}, true
}
