package web

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"

	"oke-guestbook/app/internal/entry"
)

// page serves one page of entries with the form.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	t := pick(r.Header.Get("Accept-Language"))
	query := r.URL.Query()
	number, ok := pageNumber(query.Get("page"))
	if !ok {
		s.notFound(w, r)
		return
	}
	v := view{T: t, Draft: entry.Draft{Form: random()}}
	signed := query.Get("signed") != ""
	if signed {
		v.Notice = t.Signed
	}
	html, err := s.readPage(r, t, number, signed)
	switch {
	case errors.Is(err, errNoPage):
		s.notFound(w, r)
	case err != nil:
		s.log(r).Error("read", slog.String("error", err.Error()))
		v.Book = s.unread(t, number)
		s.form(w, r, http.StatusServiceUnavailable, v)
	default:
		v.Book = html
		s.form(w, r, http.StatusOK, v)
	}
}

// news serves the first page's entries without the rest of the page, for open pages that poll for new entries.
// It answers with 304 if the client has the current ones.
func (s *Server) news(w http.ResponseWriter, r *http.Request) {
	t := pick(r.Header.Get("Accept-Language"))
	snap, err := s.latest.get(r.Context(), false)
	if err != nil {
		s.log(r).Error("read", slog.String("error", err.Error()))
		plainText(w, http.StatusServiceUnavailable, t.NotRead)
		return
	}
	w.Header().Set("ETag", snap.etag(t))
	if r.Header.Get("If-None-Match") == snap.etag(t) {
		w.Header().Set("Vary", "Accept-Language")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.html(w, http.StatusOK, []byte(snap.html[t]()))
}

// form serves the page with the form, after setting the fields that every page has.
func (s *Server) form(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Title = s.title(v.T)
	v.MaxMessage = entry.MaxMessage
	v.Token = s.token(w, r)
	s.html(w, status, s.pages.execute("page.html", v))
}

var errNoPage = errors.New("no such page")

// readPage returns the entries of one page as HTML, or errNoPage. With fresh the first page is read after the call.
func (s *Server) readPage(r *http.Request, t *texts, number int, fresh bool) (template.HTML, error) {
	if number == 1 {
		snap, err := s.latest.get(r.Context(), fresh)
		if err != nil {
			return "", err
		}
		return snap.html[t](), nil
	}
	entries, total, err := s.cfg.Store.Page(r.Context(), (number-1)*s.cfg.PageSize, s.cfg.PageSize)
	switch {
	case err != nil:
		return "", err
	case len(entries) == 0:
		return "", errNoPage
	}
	return s.pages.book(book{T: t, Entries: entries, Total: total, Page: number, Size: s.cfg.PageSize}), nil
}

// unread returns the HTML that replaces entries that could not be read. The first page polls for them.
func (s *Server) unread(t *texts, number int) template.HTML {
	return s.pages.book(book{T: t, Live: number == 1, Unread: true, Page: number, Size: s.cfg.PageSize})
}

// pageNumber parses the parameter "page": empty means 1, else an integer from 1 to 1,000,000.
func pageNumber(v string) (int, bool) {
	if v == "" {
		return 1, true
	}
	n, err := strconv.Atoi(v)
	return n, err == nil && n >= 1 && n <= 1_000_000
}
