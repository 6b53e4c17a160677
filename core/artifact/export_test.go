package artifact

// NewerChange is what a version of Ownmesh to come might write after at.
func NewerChange(uid string, at Position) []byte {
	h := header{Kind: kindChange, Log: ConfigLog.name, UID: uid, Epoch: at.Epoch, Seq: at.Seq, Previous: at.Sum}
	doc, _, _ := frame(h, []byte(`["something else"]`))
	return resum(doc, `"format":1`, `"format":2`)
}
