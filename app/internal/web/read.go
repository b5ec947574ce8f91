package web

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"

	"oke-guestbook/app/internal/entry"
)

// page shows one page of entries, and the form.
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

// news is the first page's entries alone, for pages that are open. It costs
// next to nothing while there is nothing new.
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

// form answers with the page, after filling in what every page has.
func (s *Server) form(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Title = s.title(v.T)
	v.MaxMessage = entry.MaxMessage
	v.Token = s.token(w, r)
	s.html(w, status, s.pages.execute("page.html", v))
}

var errNoPage = errors.New("no such page")

func (s *Server) readPage(r *http.Request, t *texts, number int, now bool) (template.HTML, error) {
	if number == 1 {
		snap, err := s.latest.get(r.Context(), now)
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

// unread stands in for the entries that could not be read. On the first page
// they appear when they can be read again, as new ones do.
func (s *Server) unread(t *texts, number int) template.HTML {
	return s.pages.book(book{T: t, Live: number == 1, Unread: true, Page: number, Size: s.cfg.PageSize})
}

// pageNumber reads the parameter "page": absent, or a whole number from 1.
func pageNumber(v string) (int, bool) {
	if v == "" {
		return 1, true
	}
	n, err := strconv.Atoi(v)
	return n, err == nil && n >= 1 && n <= 1_000_000
}
