package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"

	"oke-guestbook/app/internal/entry"
)

//go:embed templates static
var files embed.FS

// view is what page.html shows.
type view struct {
	T          *texts
	Title      string
	Book       template.HTML
	Notice     string
	Failed     bool   // the notice is about something that went wrong
	Wrong      string // the field that it is about: "name", "message" or none
	Token      string
	Draft      entry.Draft
	MaxMessage int
}

// book is what book.html shows: one page of entries.
type book struct {
	T       *texts
	Live    bool   // the first page: new entries may appear
	Tag     string // of what is shown; empty: nothing could be read
	Unread  bool   // the database did not answer
	Entries []entry.Entry
	Total   int
	Page    int // from 1
	Size    int // entries on a page
}

func (b book) Pages() int { return max(1, (b.Total+b.Size-1)/b.Size) }
func (b book) Newer() int { return b.Page - 1 }
func (b book) Older() int { return b.Page + 1 }

// pages are the parsed templates and the files that they refer to.
type pages struct {
	templates *template.Template
	version   string            // changes with any template or file
	static    map[string]static // by name with the content's hash
}

type static struct {
	kind    string
	content []byte
}

// parsePages panics only if the program was built with a broken template.
func parsePages(zone *time.Location) pages {
	p := pages{static: map[string]static{}}
	urls := map[string]string{}
	all := sha256.New()
	list, _ := fs.Glob(files, "*/*")
	for _, name := range list {
		content, _ := files.ReadFile(name)
		all.Write(content)
		if base, ok := strings.CutPrefix(name, "static/"); ok {
			sum := sha256.Sum256(content)
			ext := path.Ext(base)
			hashed := fmt.Sprintf("%s-%x%s", strings.TrimSuffix(base, ext), sum[:6], ext)
			p.static[hashed] = static{mime.TypeByExtension(ext), content}
			urls[base] = "/static/" + hashed
		}
	}
	p.version = fmt.Sprintf("%x", all.Sum(nil)[:6])
	p.templates = template.Must(template.New("").Funcs(template.FuncMap{
		"asset":    func(name string) string { return urls[name] },
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"local":    func(t time.Time) time.Time { return t.In(zone) },
		"initial":  initial,
		"colour":   colour,
		"language": script,
		"pageURL": func(n int) string {
			if n <= 1 {
				return "/"
			}
			return "/?page=" + strconv.Itoa(n)
		},
	}).ParseFS(files, "templates/*.html"))
	return p
}

// book renders one page of entries.
func (p pages) book(b book) template.HTML {
	return template.HTML(p.execute("book.html", b)) //nolint:gosec // made by html/template
}

func (p pages) execute(name string, data any) []byte {
	var out bytes.Buffer
	if err := p.templates.ExecuteTemplate(&out, name, data); err != nil {
		panic(fmt.Errorf("%s: %w", name, err)) // answered with 500 by observe
	}
	return out.Bytes()
}

// html writes a page. What depends on the visitor is never cached.
func (s *Server) html(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// plain answers with a heading and a sentence.
func (s *Server) plain(w http.ResponseWriter, r *http.Request, status int, heading, text string) {
	t := pick(r.Header.Get("Accept-Language"))
	s.html(w, status, s.pages.execute("plain.html", map[string]any{
		"T": t, "Title": s.title(t), "Heading": heading, "Text": text, "Request": requestID(r),
	}))
}

func (s *Server) title(t *texts) string {
	if s.cfg.Title != "" {
		return s.cfg.Title
	}
	return t.Title
}

// static serves a file whose name holds its hash: it may be kept for ever.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	f, ok := s.pages.static[r.PathValue("file")]
	if !ok {
		s.notFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}

// initial is what stands in the round mark beside an entry.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "✎"
}

// script returns the language of a message that begins in Hangul: such words
// are broken and read out as Korean on an English page too. Of others it knows nothing.
func script(message string) string {
	first := strings.IndexFunc(message, unicode.IsLetter)
	if first >= 0 && unicode.Is(unicode.Hangul, []rune(message[first:])[0]) {
		return "ko"
	}
	return ""
}

// colour numbers one of the style sheet's colours, the same for the same name.
func colour(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32() % 6
}
