package main

import "net/http"

// ui is where customers arrive: it answers with what Order says, and adds itself to the hops.
func ui(version, orderURL string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, a := call(r, orderURL)
		a.Hops = append([]Hop{{Service: "ui", Version: version}}, a.Hops...)
		reply(w, status, a)
	})
}
