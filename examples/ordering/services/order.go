package main

import (
	"net/http"
	"path"
)

// order looks an order up, asks Inventory for the stock, and adds itself to the hops.
// The order's number is the last piece of the path: /orders/7 and /v2/orders/7 are both order 7.
func order(version, inventoryURL string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, a := call(r, inventoryURL)
		a.Order = path.Base(r.URL.Path)
		a.Hops = append([]Hop{{Service: "order", Version: version}}, a.Hops...)
		reply(w, status, a)
	})
}
