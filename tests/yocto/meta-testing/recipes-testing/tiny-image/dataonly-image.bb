require tiny-image.bb

SUMMARY = "A root file system without packages and programs"
IMAGE_INSTALL = ""
inherit crashdump-image
