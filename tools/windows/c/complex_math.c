/* C99's functions of complex numbers, which Wine 8 lacks and numpy imports. Plain formulas, not exact at the edges:
   tmxdb computes with real numbers only. */
#include <math.h>

typedef struct { double re, im; } D;
typedef struct { float re, im; } F;
#define X __declspec(dllexport)

static D mk(double re, double im) { D r = { re, im }; return r; }
static D divide(D a, D b) {
    double n = b.re * b.re + b.im * b.im;
    return mk((a.re * b.re + a.im * b.im) / n, (a.im * b.re - a.re * b.im) / n);
}
static D exponential(D z) { double m = exp(z.re); return mk(m * cos(z.im), m * sin(z.im)); }
static D sine_h(D z) { return mk(sinh(z.re) * cos(z.im), cosh(z.re) * sin(z.im)); }
static D cosine_h(D z) { return mk(cosh(z.re) * cos(z.im), sinh(z.re) * sin(z.im)); }
static D tangent_h(D z) { return divide(sine_h(z), cosine_h(z)); }
static D sine(D z) { return mk(sin(z.re) * cosh(z.im), cos(z.re) * sinh(z.im)); }
static D cosine(D z) { return mk(cos(z.re) * cosh(z.im), -sin(z.re) * sinh(z.im)); }
static D tangent(D z) { return divide(sine(z), cosine(z)); }
static D power(D a, D b) {
    double l = log(hypot(a.re, a.im)), t = atan2(a.im, a.re);
    return exponential(mk(b.re * l - b.im * t, b.im * l + b.re * t));
}

X double w_creal(D z) { return z.re; }
X float w_crealf(F z) { return z.re; }
X double w_cimag(D z) { return z.im; }
X float w_cimagf(F z) { return z.im; }
X double w_cabs(D z) { return hypot(z.re, z.im); }
X float w_cabsf(F z) { return (float)hypot(z.re, z.im); }
X double w_carg(D z) { return atan2(z.im, z.re); }
X float w_cargf(F z) { return (float)atan2(z.im, z.re); }

#define ONE(name, function) \
    X D w_##name(D z) { return function(z); } \
    X F w_##name##f(F z) { D r = function(mk(z.re, z.im)); F q = { (float)r.re, (float)r.im }; return q; }
ONE(cexp, exponential)
ONE(csinh, sine_h)
ONE(ccosh, cosine_h)
ONE(ctanh, tangent_h)
ONE(csin, sine)
ONE(ccos, cosine)
ONE(ctan, tangent)
X D w_cpow(D a, D b) { return power(a, b); }
X F w_cpowf(F a, F b) {
    D r = power(mk(a.re, a.im), mk(b.re, b.im));
    F q = { (float)r.re, (float)r.im };
    return q;
}
