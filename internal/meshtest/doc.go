// Package meshtest makes meshes for tests and benchmarks: from YAML documents as people write them, and synthetic
// ones of any size. It is for tests alone; nothing here is part of Ownmesh. Start with Parse and Grid.
package meshtest
