package main

import (
	"fmt"
	"strings"

	"github.com/ownmesh/ownmesh/core/graph"
)

// This file: what describe shows of who calls whom.

func (a *app) showView(v graph.View) error {
	for _, n := range v.Nodes {
		a.screen.Printf("%-16s %s\n", "Discovery:", orNone(n.Discovery))
		if err := a.showListeners(n.Listeners); err != nil {
			return err
		}
		if err := a.showCalls("Calls", n.Calls); err != nil {
			return err
		}
		if err := a.showCallers(n.CalledBy); err != nil {
			return err
		}
	}
	for _, g := range v.Gateways {
		if err := a.showListeners(g.Listeners); err != nil {
			return err
		}
		if err := a.showGatewayRoutes(g.Routes); err != nil {
			return err
		}
		if err := a.showCalls("Calls", g.Calls); err != nil {
			return err
		}
	}
	for _, r := range v.Routers {
		a.screen.Printf("%-16s %s\n", "Provides:", orNone(strings.Join(r.Services, ", ")))
		if err := a.showCalls("Requests go", r.Ports); err != nil {
			return err
		}
	}
	for _, s := range v.Services {
		a.screen.Printf("%-16s %s\n", "Provider:", orNone(s.Provider))
		if err := a.showCalls("Requests go", s.Ports); err != nil {
			return err
		}
		if err := a.showCallers(s.CalledBy); err != nil {
			return err
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// section, set apart, shows a title and a table, or that there is nothing.
func (a *app) section(title string, header []string, rows [][]string) error {
	if len(rows) == 0 {
		a.screen.Printf("%-16s none\n", title+":")
		return nil
	}
	a.screen.Printf("\n%s:\n", title)
	return a.screen.Table(header, rows)
}

func (a *app) showListeners(ls []graph.ListenerView) error {
	var rows [][]string
	for _, l := range ls {
		rows = append(rows, []string{protocolPort(l.Port), l.TLS, l.Timeout, l.HealthCheck, l.Outlier, l.Pool})
	}
	return a.section("Listeners", []string{"port", "tls", "timeout", "health check", "ejected", "pool"}, rows)
}

func (a *app) showGatewayRoutes(rs []graph.GatewayRouteView) error {
	var rows [][]string
	for _, r := range rs {
		rows = append(rows, []string{r.Name, priority(r.Priority), r.Match, r.Service, r.Rewrite})
	}
	return a.section("Gateway routes", []string{"route", "priority", "match", "service", "rewrite"}, rows)
}

// showCalls shows a line a target: service and route stand at their first.
func (a *app) showCalls(title string, calls []graph.CallView) error {
	var rows [][]string
	for _, c := range calls {
		service := c.Service
		if c.Port.Port != 0 {
			service = strings.TrimSpace(service + " " + protocolPort(c.Port))
		}
		if c.Missing != "" {
			rows = append(rows, []string{service, "", "", "", "", c.Missing, "", "", ""})
			continue
		}
		for _, r := range c.Routes {
			name := r.Name
			if name == "" {
				name = "(its node)"
			}
			line := []string{service, name, priority(r.Priority), r.Match}
			for _, t := range r.Targets {
				rows = append(rows, append(line, t.Share, t.Node+" "+protocolPort(t.Port), r.Timeout, r.Retries, t.TLS))
				line, r.Timeout, r.Retries = []string{"", "", "", ""}, "", ""
			}
			if len(r.Targets) == 0 {
				rows = append(rows, append(line, "", "nobody: 503", r.Timeout, r.Retries, ""))
			}
			service = ""
		}
	}
	return a.section(title, []string{"service", "route", "priority", "match", "share", "to", "timeout", "retries", "tls"}, rows)
}

func (a *app) showCallers(cs []graph.CallerView) error {
	var rows [][]string
	for _, c := range cs {
		rows = append(rows, []string{c.Caller, c.Service, c.Route})
	}
	return a.section("Called by", []string{"caller", "as", "by route"}, rows)
}

func protocolPort(p graph.Port) string { return fmt.Sprintf("%s:%d", p.Protocol, p.Port) }
