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

// view is the data of page.html.
type view struct {
	T          *texts
	Title      string
	Book       template.HTML
	Notice     string
	Failed     bool   // Notice is an error
	Invalid    string // the field that Notice is about: "name", "message" or empty
	Token      string
	Draft      entry.Draft
	MaxMessage int
}

// book is the data of book.html: one page of entries.
type book struct {
	T       *texts
	Live    bool   // the first page, which polls for new entries
	Tag     string // ETag of the entries; empty if they could not be read
	Unread  bool   // the entries could not be read
	Entries []entry.Entry
	Total   int
	Page    int // from 1
	Size    int // entries on a page
}

func (b book) Pages() int { return max(1, (b.Total+b.Size-1)/b.Size) }
func (b book) Newer() int { return b.Page - 1 }
func (b book) Older() int { return b.Page + 1 }

// pages holds the parsed templates and the static files.
type pages struct {
	templates *template.Template
	version   string            // hash of all templates and files
	static    map[string]static // keys are the names with the content's hash
}

type static struct {
	mediaType string
	content   []byte
}

// parsePages parses the embedded templates. It panics if one is invalid.
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
		"language": messageLanguage,
		"pageURL": func(n int) string {
			if n <= 1 {
				return "/"
			}
			return "/?page=" + strconv.Itoa(n)
		},
	}).ParseFS(files, "templates/*.html"))
	return p
}

// book renders book.html.
func (p pages) book(b book) template.HTML {
	return template.HTML(p.execute("book.html", b)) //nolint:gosec // rendered by html/template
}

func (p pages) execute(name string, data any) []byte {
	var out bytes.Buffer
	if err := p.templates.ExecuteTemplate(&out, name, data); err != nil {
		panic(fmt.Errorf("%s: %w", name, err)) // recovered in observe
	}
	return out.Bytes()
}

// html writes a page, which depends on the visitor and must not be cached.
func (s *Server) html(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// plain writes a page with a heading and one paragraph.
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

// static serves a file. Its name contains its hash, so it may be cached forever.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	f, ok := s.pages.static[r.PathValue("file")]
	if !ok {
		s.notFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.mediaType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}

// initial returns the character in the round mark of an entry.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "✎"
}

// messageLanguage returns "ko" for a message whose first letter is Hangul, else an empty string. Browsers then break
// lines and read the text aloud as Korean on an English page too.
func messageLanguage(message string) string {
	first := strings.IndexFunc(message, unicode.IsLetter)
	if first >= 0 && unicode.Is(unicode.Hangul, []rune(message[first:])[0]) {
		return "ko"
	}
	return ""
}

// colour returns the number of one of the style sheet's six colours, always the same for a name.
func colour(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32() % 6
}
