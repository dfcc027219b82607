package zmd

// #cgo pkg-config: zmd
import "C"
