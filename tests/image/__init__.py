"""What can only be tried by starting a machine: a real kernel and initramfs in QEMU, the power cut by kill -9."""
