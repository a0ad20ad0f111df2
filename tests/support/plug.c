/* USB readers that tests plug and unplug, for the real pcscd: it takes readers away only when udev says that a device
 * went, and no test can pull a cable. Two libraries of one pcscd:
 *
 *  - with UDEV, preloaded, it stands in for libudev: devices come and go as the test writes "+0" or "-0" into a pipe;
 *  - else, in a bundle, it is these devices' driver: a card lies on device 0 while the file card0 exists, its content
 *    is the ATR (empty: the card is mute). The reader carries short APDUs only and says so; every one is answered 6D00.
 *
 * PLACE is the folder of the pipe and the files, as pcscd sees it.
 */

#include <PCSC/ifdhandler.h>
#include <PCSC/reader.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES 10

static long content(const char *what, int number, void *buffer, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, PLACE "/%s%d", what, number);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return -1;
    long length = read(file, buffer, size);
    close(file);
    return length;
}

#ifdef UDEV
/* --- libudev ---------------------------------------------------------------------------------------------------- */

struct device {
    int number;
    const char *action;
    char sysname[16], node[32], interface[128], digit[4];
};

static int nothing; /* what every object of which there is only one points to */
static int pipe_end = -1;

void *udev_new(void) { return &nothing; }
void *udev_unref(void *udev) { return udev; }
void *udev_monitor_new_from_netlink(void *udev, const char *name) { return &nothing; }
void *udev_monitor_unref(void *monitor) { return NULL; }
int udev_monitor_filter_add_match_subsystem_devtype(void *m, const char *s, const char *t) { return 0; }
int udev_monitor_enable_receiving(void *monitor) { return 0; }

int udev_monitor_get_fd(void *monitor)
{
    if (pipe_end < 0)
        pipe_end = open(PLACE "/pipe", O_RDWR | O_NONBLOCK);
    return pipe_end;
}

void *udev_monitor_receive_device(void *monitor)
{
    char told[2];
    if (read(pipe_end, told, 2) != 2)
        return NULL;
    struct device *device = calloc(1, sizeof *device);
    device->number = told[1] - '0';
    device->action = told[0] == '+' ? "add" : "remove";
    snprintf(device->sysname, sizeof device->sysname, "1-1.%d:1.0", device->number);
    snprintf(device->node, sizeof device->node, "/dev/bus/usb/001/%03d", device->number);
    snprintf(device->digit, sizeof device->digit, "%02d", device->number);
    if (content("name", device->number, device->interface, sizeof device->interface - 1) < 0)
        strcpy(device->interface, "Test Reader");
    return device;
}

void *udev_device_unref(void *device) { free(device); return NULL; }
const char *udev_device_get_action(struct device *device) { return device->action; }
const char *udev_device_get_sysname(struct device *device) { return device->sysname; }
const char *udev_device_get_devnode(struct device *device) { return device->node; }
const char *udev_device_get_property_value(struct device *device, const char *key) { return NULL; }
void *udev_device_get_parent_with_subsystem_devtype(void *device, const char *s, const char *t) { return device; }
void *udev_device_new_from_syspath(void *udev, const char *path) { return NULL; }

const char *udev_device_get_sysattr_value(struct device *device, const char *name)
{
    if (!strcmp(name, "idVendor"))
        return "072f";
    if (!strcmp(name, "idProduct"))
        return "223b";
    if (!strcmp(name, "bInterfaceNumber"))
        return device->digit;
    return strcmp(name, "interface") ? NULL : device->interface;
}

void *udev_enumerate_new(void *udev) { return &nothing; }
void *udev_enumerate_unref(void *enumerate) { return NULL; }
int udev_enumerate_add_match_subsystem(void *enumerate, const char *name) { return 0; }
int udev_enumerate_scan_devices(void *enumerate) { return 0; }
void *udev_enumerate_get_list_entry(void *enumerate) { return NULL; }
void *udev_list_entry_get_next(void *entry) { return NULL; }
const char *udev_list_entry_get_name(void *entry) { return NULL; }

#else
/* --- the driver (IFD handler 3.0) --------------------------------------------------------------------------------- */

static int device_of[16]; /* by reader index, the upper half of a logical unit number */

static int number_of(DWORD unit) { return device_of[(unit >> 16) % 16]; }

RESPONSECODE IFDHCreateChannelByName(DWORD unit, LPSTR name)
{
    int number;
    if (sscanf(name, "usb:%*x/%*x:libudev:%d:", &number) != 1 || number >= DEVICES)
        return IFD_COMMUNICATION_ERROR;
    device_of[(unit >> 16) % 16] = number;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHCreateChannel(DWORD unit, DWORD channel) { return IFD_COMMUNICATION_ERROR; }
RESPONSECODE IFDHCloseChannel(DWORD unit) { return IFD_SUCCESS; }
RESPONSECODE IFDHSetCapabilities(DWORD unit, DWORD tag, DWORD length, PUCHAR value) { return IFD_NOT_SUPPORTED; }
RESPONSECODE IFDHSetProtocolParameters(DWORD u, DWORD p, UCHAR f, UCHAR a, UCHAR b, UCHAR c) { return IFD_SUCCESS; }

static RESPONSECODE one(PDWORD length, PUCHAR value, UCHAR told)
{
    *length = 1;
    *value = told;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD unit, DWORD tag, PDWORD length, PUCHAR value)
{
    long size;
    switch (tag) {
    case TAG_IFD_SLOTS_NUMBER:
    case TAG_IFD_THREAD_SAFE:
    case TAG_IFD_SLOT_THREAD_SAFE:
        return one(length, value, 1);
    case TAG_IFD_SIMULTANEOUS_ACCESS:
        return one(length, value, DEVICES);
    case SCARD_ATTR_VENDOR_IFD_VERSION: /* firmware 2.06 */
        memcpy(value, "\0\0\x06\x02", *length = 4);
        return IFD_SUCCESS;
    case SCARD_ATTR_ICC_TYPE_PER_ATR:
        *length = 1;
        return content("type", number_of(unit), value, 1) == 1 ? IFD_SUCCESS : IFD_ERROR_TAG;
    case TAG_IFD_ATR:
    case SCARD_ATTR_ATR_STRING:
        if ((size = content("card", number_of(unit), value, MAX_ATR_SIZE)) > 0) {
            *length = size;
            return IFD_SUCCESS;
        }
    }
    return IFD_ERROR_TAG;
}

RESPONSECODE IFDHICCPresence(DWORD unit)
{
    UCHAR atr[MAX_ATR_SIZE];
    return content("card", number_of(unit), atr, sizeof atr) < 0 ? IFD_ICC_NOT_PRESENT : IFD_ICC_PRESENT;
}

RESPONSECODE IFDHPowerICC(DWORD unit, DWORD action, PUCHAR atr, PDWORD length)
{
    if (action == IFD_POWER_DOWN)
        return IFD_SUCCESS;
    long size = content("card", number_of(unit), atr, MAX_ATR_SIZE);
    *length = size > 0 ? size : 0;
    return size > 0 ? IFD_SUCCESS : IFD_ERROR_POWER_ACTION;
}

RESPONSECODE IFDHTransmitToICC(DWORD unit, SCARD_IO_HEADER send, PUCHAR command, DWORD sent, PUCHAR answer,
    PDWORD length, PSCARD_IO_HEADER receive)
{
    int extended = sent >= 7 && command[4] == 0;
    if (extended || IFDHICCPresence(unit) != IFD_ICC_PRESENT) {
        *length = 0;
        return IFD_COMMUNICATION_ERROR;
    }
    memcpy(answer, "\x6D\x00", *length = 2);
    return IFD_SUCCESS;
}

RESPONSECODE IFDHControl(DWORD unit, DWORD code, PUCHAR sent, DWORD length, PUCHAR answer, DWORD room, LPDWORD told)
{
    DWORD properties = SCARD_CTL_CODE(FEATURE_GET_TLV_PROPERTIES + 0x330000);
    if (code == CM_IOCTL_GET_FEATURE_REQUEST) {
        uint32_t value = htonl(properties);
        memcpy(answer, "\x12\x04", 2);
        memcpy(answer + 2, &value, 4);
        *told = 6;
        return IFD_SUCCESS;
    }
    if (code == properties) {
        memcpy(answer, "\x0B\x02\x2F\x07\x0C\x02\x3B\x22\x0A\x04\0\0\0\0", *told = 14);
        return IFD_SUCCESS;
    }
    *told = 0;
    return IFD_ERROR_NOT_SUPPORTED;
}
#endif
