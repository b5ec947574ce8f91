package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/tinylib/msgp/msgp"
)

// collect takes records over the forward protocol (Fluentd, "Forward Protocol Specification v1"), and prints each as a
// line: the tag, and the record in JSON.
func collect(ctx context.Context, listener net.Listener, out io.Writer) error {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var mu sync.Mutex // of out
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for messages := msgp.NewReader(conn); ; {
				err := take(messages, conn, func(line []byte) error {
					mu.Lock()
					defer mu.Unlock()
					_, err := out.Write(line)
					return err
				})
				if err != nil {
					if !errors.Is(err, io.EOF) {
						fmt.Fprintf(os.Stderr, "%s: %v\n", conn.RemoteAddr(), err)
					}
					return
				}
			}
		}()
	}
}

// take prints the records of a message, which has one of three forms, and acknowledges it if that is asked for.
func take(messages *msgp.Reader, sender io.Writer, line func([]byte) error) error {
	value, err := messages.ReadIntf()
	if err != nil {
		return err
	}
	message, _ := value.([]any)
	if len(message) < 2 {
		return fmt.Errorf("not a message: %.100v", value)
	}
	var records []any
	options := message[2:]
	switch entries := message[1].(type) {
	case []any: // Forward: [tag, [[time, record], ...], options]
		for _, entry := range entries {
			pair, _ := entry.([]any)
			records = append(records, pair[min(1, len(pair)):]...)
		}
	case []byte: // PackedForward: the same, with entries as bytes
		for packed := msgp.NewReader(bytes.NewReader(entries)); ; {
			entry, err := packed.ReadIntf()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			pair, _ := entry.([]any)
			records = append(records, pair[min(1, len(pair)):]...)
		}
	default: // Message: [tag, time, record, options]
		records, options = message[2:min(3, len(message))], message[min(3, len(message)):]
	}
	for _, record := range records {
		text, err := json.Marshal(record)
		if err != nil {
			return err
		}
		if err := line(fmt.Appendf(nil, "%v %s\n", message[0], text)); err != nil {
			return err
		}
	}
	return acknowledge(options, sender)
}

func acknowledge(options []any, sender io.Writer) error {
	if len(options) == 0 {
		return nil
	}
	set, _ := options[0].(map[string]any)
	chunk, ok := set["chunk"]
	if !ok {
		return nil
	}
	answer, err := msgp.AppendIntf(nil, map[string]any{"ack": chunk})
	if err == nil {
		_, err = sender.Write(answer)
	}
	return err
}
