/* Decodes bytes that are written as "%20". */
#include "svenv/base/percent.h"

static int percent_digit(char c, enum percent_rule rule)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return rule == PERCENT_URL && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(char *text, enum percent_rule rule)
{
    char *out = text;

    for (; *text != '\0'; text++) {
        int high = *text == '%' ? percent_digit(text[1], rule) : -1;
        int low = high >= 0 ? percent_digit(text[2], rule) : -1;

        if (*text == '%' && low < 0 && rule == PERCENT_OWN)
            return false;
        *out++ = low >= 0 ? (char)(high * 16 + low) : *text;
        if (out[-1] == '\0')
            return false;
        text += low >= 0 ? 2 : 0;
    }
    *out = '\0';
    return true;
}
