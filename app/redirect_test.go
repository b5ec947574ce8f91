package main

import (
	"net/http"
	"testing"

	"oke-guestbook/app/internal/apptest"
)

// TestRedirect runs the server that redirects beside the pages. It answers without the database, and is shut down with
// the others.
func TestRedirect(t *testing.T) {
	g := start(t, map[string]string{
		"MONGODB_URI": apptest.StartDB(t).URI, "REDIRECT_ADDRESS": "127.0.0.1:0", "REDIRECT_TO": "guestbook.example.com",
	})
	status, _, header := send(t, http.MethodPost, g.redirect+"/entries?since=3", nil, nil)
	if got := header.Get("Location"); status != 308 || got != "https://guestbook.example.com/entries?since=3" {
		t.Errorf("%d %q", status, got)
	}
	if status, _, _ := get(t, g.url); status != http.StatusOK {
		t.Errorf("pages: status %d", status)
	}
	g.stop()
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(g.redirect); err == nil {
		t.Error("it still redirects after the shutdown")
	}
}
