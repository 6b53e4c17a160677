// Package reconcile holds the use cases that follow a change: Compiler turns a mesh's newest generation into the
// newest entry of its config log, Registrar brings the registered instances of its services into its endpoints log.
//
// Both are told only that something changed, never what: they read the truth and write what is missing. So late,
// doubled or lost messages do no harm, and any number of processes may run them: the logs let exactly one change
// follow each position, and who loses reads on. They keep warm state between calls to read only what is new; it may
// be dropped at any time. They know no technology: see adapters. Start with Compiler.Handle.
package reconcile
