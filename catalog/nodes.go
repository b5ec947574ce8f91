package catalog

// NodeRoom is what the Pods of a worker node may request together.
type NodeRoom struct {
	Shape               string
	OCPUs, MemoryGB     float64
	CPUMillis, MemoryMB int // MiB
}

// NodeRooms returns examples, by which the program's arithmetic and the local cloud's are held to the same figures.
func NodeRooms() []NodeRoom {
	return []NodeRoom{
		{"VM.Standard.A1.Flex", 1, 6, 840, 4362},
		{"VM.Standard.A1.Flex", 2, 4, 1830, 2779},
		{"VM.Standard.A1.Flex", 2, 12, 1830, 9503},
		{"VM.Standard.E5.Flex", 2, 16, 3820, 13079},
		{"VM.Standard.E5.Flex", 64, 512, 127510, 491265},
	}
}
