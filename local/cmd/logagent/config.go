package main

import (
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"sigs.k8s.io/yaml"
)

// config is what the agent does.
type config struct {
	flush      time.Duration
	level      slog.Level
	path       string         // pattern of files
	fromHead   bool           // of files that are there when the agent first starts
	tagPattern *regexp.Regexp // of paths
	tag        string         // with <name> for a group of tagPattern
	positions  string         // file of positions
	match      *regexp.Regexp // of tags
	host       string
	port       int
	retries    int
}

// file is the part of Fluent Bit's configuration that is known.
type file struct {
	Service struct {
		Flush    int        `json:"flush"` // seconds
		LogLevel slog.Level `json:"log_level"`
	} `json:"service"`
	Pipeline struct {
		Inputs  []input  `json:"inputs"`
		Outputs []output `json:"outputs"`
	} `json:"pipeline"`
}

type input struct {
	Name            string `json:"name"`
	Path            string `json:"path"`
	ReadFromHead    bool   `json:"read_from_head"`
	TagRegex        string `json:"tag_regex"`
	Tag             string `json:"tag"`
	MultilineParser string `json:"multiline.parser"`
	DB              string `json:"db"`
	MemBufLimit     string `json:"mem_buf_limit"` // the agent never holds more than batchLimit
	SkipLongLines   bool   `json:"skip_long_lines"`
}

type output struct {
	Name       string `json:"name"`
	MatchRegex string `json:"match_regex"`
	Host       string `json:"host"`
	Port       string `json:"port"`
	RetryLimit int    `json:"retry_limit"`
}

// parse reads a configuration, whose variables lookup knows.
func parse(data []byte, lookup func(string) (string, bool)) (*config, error) {
	var f file
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return nil, fmt.Errorf("not among what the stand-in for Fluent Bit knows: %w", err)
	}
	if len(f.Pipeline.Inputs) != 1 || len(f.Pipeline.Outputs) != 1 {
		return nil, fmt.Errorf("%d inputs and %d outputs: the stand-in for Fluent Bit knows one of each",
			len(f.Pipeline.Inputs), len(f.Pipeline.Outputs))
	}
	in, out := f.Pipeline.Inputs[0], f.Pipeline.Outputs[0]
	for _, s := range []struct{ setting, value, known string }{
		{"name of the input", in.Name, "tail"},
		{"multiline.parser", in.MultilineParser, "cri"},
		{"skip_long_lines", strconv.FormatBool(in.SkipLongLines), "true"},
		{"name of the output", out.Name, "forward"},
	} {
		if s.value != s.known {
			return nil, fmt.Errorf("%s: %q: the stand-in for Fluent Bit knows %q only", s.setting, s.value, s.known)
		}
	}
	for _, s := range []struct{ setting, value string }{
		{"path", in.Path}, {"tag", in.Tag}, {"tag_regex", in.TagRegex}, {"db", in.DB}, {"match_regex", out.MatchRegex},
	} {
		if s.value == "" {
			return nil, fmt.Errorf("%s: the stand-in for Fluent Bit needs it", s.setting)
		}
	}
	if f.Service.Flush < 1 || out.RetryLimit < 1 {
		return nil, fmt.Errorf("flush %d, retry_limit %d: the stand-in for Fluent Bit knows 1 and above",
			f.Service.Flush, out.RetryLimit)
	}
	c := &config{
		flush: time.Duration(f.Service.Flush) * time.Second, level: f.Service.LogLevel, path: in.Path,
		fromHead: in.ReadFromHead, tag: in.Tag, retries: out.RetryLimit,
		positions: in.DB + ".json", // in.DB would be an SQLite database of Fluent Bit's
	}
	return c, c.expand(in, out, lookup)
}

// variable is one in a value.
var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// expand reads the values that are patterns, or have variables.
func (c *config) expand(in input, out output, lookup func(string) (string, bool)) (err error) {
	text := func(value string) string {
		return variable.ReplaceAllStringFunc(value, func(name string) string {
			set, ok := lookup(variable.FindStringSubmatch(name)[1])
			if !ok && err == nil {
				err = fmt.Errorf("%s is not set", name)
			}
			return set
		})
	}
	c.host = text(out.Host)
	port, match := text(out.Port), text(out.MatchRegex)
	if err != nil {
		return err
	}
	if c.tagPattern, err = regexp.Compile(in.TagRegex); err != nil {
		return fmt.Errorf("tag_regex: %w", err)
	}
	if c.match, err = regexp.Compile(match); err != nil {
		return fmt.Errorf("match_regex: %w", err)
	}
	if c.port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("port: %w", err)
	}
	return nil
}

// placeholder is one in a tag.
var placeholder = regexp.MustCompile(`<(\w+)>`)

// tagOf returns the tag of a file's lines, as Fluent Bit makes it: the pattern is searched in the whole path
// (plugins/in_tail/tail_file.c). It returns "" if the pattern does not match, or the tag is not among those to send.
func (c *config) tagOf(path string) string {
	groups := c.tagPattern.FindStringSubmatch(path)
	if groups == nil {
		return ""
	}
	tag := placeholder.ReplaceAllStringFunc(c.tag, func(name string) string {
		if i := c.tagPattern.SubexpIndex(name[1 : len(name)-1]); i >= 0 {
			return groups[i]
		}
		return "_"
	})
	if !c.match.MatchString(tag) {
		return ""
	}
	return tag
}
