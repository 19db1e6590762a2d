// Serves a file (or one line) behind exporter-toolkit, or says what it makes of web configuration files.
//
// For tests/it/listener, which puts the same files and clients to it and to pbx_exporter, and for the benchmark.
package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/exporter-toolkit/web"
)

func main() {
	if os.Args[1] == "check" {
		for _, file := range os.Args[2:] {
			fmt.Printf("%q\n", fmt.Sprint(web.Validate(file)))
		}
		return
	}
	address, socket := []string{os.Args[1]}, false
	http.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		if len(os.Args) > 3 {
			http.ServeFile(w, r, os.Args[3])
			return
		}
		fmt.Fprintln(w, "up 1")
	})
	flags := web.FlagConfig{WebListenAddresses: &address, WebSystemdSocket: &socket, WebConfigFile: &os.Args[2]}
	fmt.Fprintln(os.Stderr, web.ListenAndServe(&http.Server{}, &flags, slog.Default()))
	os.Exit(1)
}
