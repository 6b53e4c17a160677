// Package golden compares what a test made with files that were checked in, and refreshes them on demand.
//
// A folder is compared as a whole: a file that nobody makes any more is an orphan, which fails the test and is removed
// by a refresh. A failing test prints the one command that refreshes its files. Start with Dir.
package golden
